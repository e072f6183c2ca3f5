"""The two sweeps of image classifiers on the world, as a newcomer types them (slow; a cut-off sweep goes on)."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FUSION = "jobs/sweep_fusion.py --data world --trials 20 --seeds 2"
RESOLUTION = "jobs/sweep_resolution.py --data world --trials 12"
FIGURES = ("curves", "pareto", "importance", "budget")


@pytest.fixture
def folder(root: Path) -> Path:
    found = Path(os.environ.get("FIELDMARK_IMAGE_SWEEPS", root / ".slow-state" / "image_sweeps"))
    found.mkdir(parents=True, exist_ok=True)
    return found


def swept(root: Path, folder: Path, command: str) -> dict[str, Any]:
    """Runs a sweep and the same command again; returns what it printed, with both times."""
    job, *flags = command.split()
    store = Path(job).stem
    whole = not (folder / store).exists()
    found, seconds = [], []
    for _ in range(2):
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, str(root / job), *flags, "--store", store, "--json"],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        seconds.append(round(time.monotonic() - started, 1))
        found.append(json.loads(done.stdout))
    assert found[1]["new_runs"] == 0, "the same command again does nothing"
    return {**found[0], "seconds_from_nothing": seconds[0] if whole else None, "seconds_again": seconds[1]}


def drawn(folder: Path, result: dict[str, Any]) -> str:
    """Returns the names of the figures that lie there."""
    paths = [folder / path for path in result["figures"]]
    assert all(path.stat().st_size > 100 for path in paths)
    return " ".join(path.name for path in paths)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_sweep_of_fusions_ranks_them_and_shows_what_tuning_buys(
    root: Path, folder: Path, write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    found = swept(root, folder, FUSION)
    names = drawn(folder, found)
    assert all(name in names for name in FIGURES), names
    write_evidence("sweep_fusion", f"python {FUSION}", found)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_resolution_helps_up_to_where_the_marks_are_visible(
    root: Path, folder: Path, write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    found = swept(root, folder, RESOLUTION)
    assert "resolution" in drawn(folder, found)
    write_evidence("sweep_resolution", f"python {RESOLUTION}", found)
