"""The commands of the page on training are commands: each is planned as it stands there."""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import pytest

from fieldmark.cli.main import run

PAGE = Path(__file__).resolve().parents[2] / "docs/how-to/train-a-classifier.md"
COMMANDS = [line for block in re.findall(r"```\n(.*?)```", PAGE.read_text(), re.S) for line in block.splitlines()]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, *tokens = shlex.split(line)
    assert program == "fieldmark" and tokens[0] == "train"
    dry = [] if "--dry-run" in tokens else ["--dry-run"]
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        assert run([*tokens, *dry, "--json"]) == 0
    plan = json.loads(stream.getvalue())
    assert plan["runs"] and plan["workers"] and not list(tmp_path.iterdir())


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) >= 5
