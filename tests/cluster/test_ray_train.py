"""Two Ray Train workers, killed at random moments, end where undisturbed ones end (slow)."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

KILLS = 5
EPOCHS = 10
TOLERANCE = 1e-6
"""Largest relative difference of any figure of a curve."""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_training_by_two_workers_survives_kills(
    root: Path, tmp_path: Path, write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    program = ["tests/cluster/train_kills.py", "--kills", str(KILLS), "--epochs", str(EPOCHS)]
    command = [sys.executable, str(root / program[0]), str(tmp_path), *program[1:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    assert sum(moment is not None for moment in found["driver_killed_after_seconds"]) >= KILLS - 1
    assert max(found["relative_difference"].values()) <= TOLERANCE
    assert found["interrupted_exit_code"] == 130
    assert found["undisturbed"]["run"]["config"]["fusion"] == "gate"
    write_evidence("ray_train", f"python {' '.join(program)} FOLDER", found)
