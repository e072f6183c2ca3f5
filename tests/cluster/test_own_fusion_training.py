"""The page on fusions of one's own: its command trains its file by two Ray Train workers (slow)."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_command_of_the_page_trains_its_fusion(root: Path, tmp_path: Path) -> None:
    page = (root / "docs" / "how-to" / "own-fusion.md").read_text()
    source = re.search(r"```python\n(\"\"\"my_fusion.py.*?)```", page, flags=re.DOTALL)
    command = re.search(r"^fieldmark train .*--workers 2$", page, flags=re.MULTILINE)
    assert source is not None and command is not None
    (tmp_path / "my_fusion.py").write_text(source[1])
    words = [str(Path(sys.executable).with_name("fieldmark")), *shlex.split(command[0])[1:]]
    done = subprocess.run(
        [*words, "--epochs", "2", "--json"], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert (found["run"]["config"]["fusion"], found["run"]["config"]["fusion_settings"]) == ("my_fusion", {"width": 32})
    assert found["run"]["metrics"]["test"]["top1"] > found["image_only"]["metrics"]["test"]["top1"]
