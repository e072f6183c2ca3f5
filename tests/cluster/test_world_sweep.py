"""`make sweep` as a newcomer runs it: the method meets the bound, and the same command again does nothing (slow)."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Evidence = Callable[[str, str, dict[str, Any]], None]


def _timed(command: list[str], cwd: Path) -> tuple[str, float]:
    started = time.monotonic()
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout, round(time.monotonic() - started, 1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_worlds_sweep(root: Path, tmp_path: Path, write_evidence: Evidence) -> None:
    job = [sys.executable, str(root / "jobs" / "sweep_priorsnet.py")]
    first, first_seconds = _timed(job, tmp_path)
    second, second_seconds = _timed(job, tmp_path)
    assert first.startswith("Table S2") and first == second
    result = json.loads(_timed([*job, "--json"], tmp_path)[0])
    assert (result["new_runs"], result["failed_runs"]) == (0, 0)
    table = json.loads(_timed([sys.executable, "-m", "fieldmark", "table", "S2", "--format", "json"], tmp_path)[0])
    measured = [row for row in table["rows"] if row["row"] <= 9]
    image_only = next(row for row in table["references"] if row["keys"]["method"] == "image only")["mean"]
    bound = result["bounds"]["image+place+date"]
    shares = [(row["mean"] - image_only) / (bound - image_only) for row in measured]
    assert [row["n"] for row in measured] == [3] * 9
    assert min(shares) >= 0.8
    assert Path(result["page"] if Path(result["page"]).is_absolute() else tmp_path / result["page"]).exists()
    figures = {
        "table": table,
        "first_command_seconds": first_seconds,
        "same_command_again_seconds": second_seconds,
        "image_only_top1": image_only,
        "bounds_top1": result["bounds"],
        "priorsnet_top1": {str(row["row"]): row["mean"] for row in measured},
        "share_of_the_bounds_gain": {str(row["row"]): share for row, share in zip(measured, shares, strict=True)},
        "chosen": result["best"],
        "baselines_top1": {name: metrics["top1"] for name, metrics in result["baselines"].items()},
    }
    write_evidence("world_sweep", "python jobs/sweep_priorsnet.py (twice)", figures)
