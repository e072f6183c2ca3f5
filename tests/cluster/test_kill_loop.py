"""Thirty kills, and nothing is lost or done twice (slow; its state is in .slow-state/kills)."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROUNDS = 30


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_sweep_survives_thirty_kills(root: Path, write_evidence: Callable[[str, str, dict[str, Any]], None]) -> None:
    command = [sys.executable, str(root / "tests/cluster/kill_loop.py"), "--rounds", str(ROUNDS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    kinds = Counter(one["kind"] for one in found["rounds"])
    assert sum(kinds.values()) == ROUNDS
    assert found["two_drivers"]["second_on_one_sweep"] == 2
    figures = {
        "kills": dict(kinds),
        "fault_points": sorted({one["what"].partition(":")[0] for one in found["rounds"] if one["kind"] == "fault"}),
        "slowest_to_vanish_seconds": max(one["gone_after"] for one in found["rounds"]),
        "end": found["end"],
        "two_drivers": found["two_drivers"],
    }
    write_evidence("kills", f"python tests/cluster/kill_loop.py --rounds {ROUNDS}", figures)
