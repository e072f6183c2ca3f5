"""Thirty kills, and nothing is lost or done twice (slow; its state is in .slow-state/kills)."""

import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

ROUNDS = 30


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_sweep_survives_thirty_kills(root: Path) -> None:
    started = time.time()
    command = [sys.executable, str(root / "tests/cluster/kill_loop.py"), "--rounds", str(ROUNDS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    kinds = Counter(one["kind"] for one in found["rounds"])
    assert sum(kinds.values()) == ROUNDS
    assert found["two_drivers"]["second_on_one_sweep"] == 2
    revision = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    evidence = {
        "topic": "kills",
        "command": "make test-slow (tests/cluster/kill_loop.py --rounds 30)",
        "revision": revision.stdout.strip(),
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
        "kills": dict(kinds),
        "fault_points": sorted({one["what"].partition(":")[0] for one in found["rounds"] if one["kind"] == "fault"}),
        "slowest_to_vanish_seconds": max(one["gone_after"] for one in found["rounds"]),
        "end": found["end"],
        "two_drivers": found["two_drivers"],
        "seconds_of_this_call": round(time.time() - started, 1),
    }
    (root / "docs/evidence/kills.json").write_text(json.dumps(evidence, indent=2) + "\n")
