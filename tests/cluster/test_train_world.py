"""The first command of a newcomer's training, by two Ray Train workers (slow; resumed by the same command)."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FLAGS = "--data world --fusion dynamic_mlp_c --workers 2"
MOST_OF_THE_GAIN = 0.8


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_dynamic_mlp_gains_most_of_what_place_and_date_allow(
    root: Path, write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    state = root / ".slow-state" / "train_world"
    state.mkdir(parents=True, exist_ok=True)
    whole = not (state / "runs").exists()
    command = [sys.executable, str(root / "jobs" / "train_dynamic_mlp.py"), *FLAGS.split(), "--json"]
    found, seconds = [], []
    for _ in range(2):
        started = time.monotonic()
        done = subprocess.run(command, cwd=state, stdout=subprocess.PIPE, text=True, check=True)
        seconds.append(time.monotonic() - started)
        found.append(json.loads(done.stdout))
    assert found[1] == found[0], "the same command again says what is recorded"
    assert found[0]["share_of_gain"] > MOST_OF_THE_GAIN
    assert found[0]["turned_right"] > found[0]["turned_wrong"]
    figures = {name: found[0][name] for name in ("run", "image_only", "bounds", "share_of_gain", "images", "notes")}
    turned = {name: found[0][name] for name in ("turned_right", "turned_wrong", "compared")}
    write_evidence(
        "train_world",
        f"python jobs/train_dynamic_mlp.py {FLAGS}",
        {**figures, **turned, "seconds_from_nothing": seconds[0] if whole else None, "seconds_again": seconds[1]},
    )
