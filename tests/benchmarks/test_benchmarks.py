"""Runs the benchmarks and keeps what they print (slow): ratios measured in one run, with the machine named."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Evidence = Callable[[str, str, dict[str, Any]], None]

COMMANDS = {
    "priorsnet_step": ["--accuracy"],
    "sweep_overhead": [],
    "store": [],
    "image_pipeline": [],
    "train_step": [],
}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("topic", COMMANDS)
def test_a_benchmark(topic: str, root: Path, tmp_path: Path, write_evidence: Evidence) -> None:
    program = f"benchmarks/{topic}.py"
    command = [sys.executable, str(root / program), *COMMANDS[topic], "--json"]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(done.stdout)
    assert figures
    write_evidence(f"benchmark_{topic}", " ".join(["python", program, *COMMANDS[topic]]), {"figures": figures})
