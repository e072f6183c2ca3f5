"""The fault matrix (slow, resumable: its state is in .slow-state/faults), and the page that is made of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fieldmark.testing.faults.__main__ import OF_HOSTS, OF_PROCESSES, PROCESS_KINDS
from fieldmark.testing.faults.clock_kinds import library
from fieldmark.testing.faults.host_kinds import HOST_KINDS, longest_pause, with_pauses
from fieldmark.testing.faults.record import Injection
from fieldmark.testing.faults.summary import WORDS, page, summary
from fieldmark.testing.hosts import why_not

COMMAND = "python -m fieldmark.testing.faults all"
LEAST_KINDS, LEAST = 12, 100
FAULTS = ((5.0, None), (13.0, 5.0))
"""When, and the recovery where it is known."""


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_of_a_hundred_faults_none_loses_anything(
    root: Path, write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    if reason := why_not():
        pytest.skip(reason)
    if library() is None:
        pytest.skip("no libfaketime here (Debian: apt-get install libfaketime)")
    folder = Path(os.environ.get("FIELDMARK_FAULTS", root / ".slow-state" / "faults"))
    subprocess.run([sys.executable, "-m", "fieldmark.testing.faults", "all", "--folder", str(folder)], check=True)
    found = summary(folder)
    write_evidence("faults", COMMAND, found)
    assert set(found["kinds"]) == set(WORDS) and len(found["kinds"]) >= LEAST_KINDS
    assert found["injections"] >= LEAST
    for name, kind in found["kinds"].items():
        assert kind["injected"] >= (OF_HOSTS if name in HOST_KINDS else OF_PROCESSES), name
        assert kind["runs_lost"] == 0, name


def test_every_kind_of_fault_has_its_words() -> None:
    assert set(WORDS) == {*PROCESS_KINDS, *HOST_KINDS}


def test_the_page_says_what_the_evidence_says(root: Path) -> None:
    evidence = json.loads((root / "docs/evidence/faults.json").read_text())
    assert (root / "docs/reliability.md").read_text() == page(evidence)


def test_a_pause_is_counted_from_the_fault_to_the_next_one_or_the_last_run() -> None:
    moments = [1.0, 12.0, 13.0, 40.0, 90.0]
    assert longest_pause(moments, 10.0, 40.0) == 27.0
    assert longest_pause(moments, 5.0, 12.0) == 7.0
    assert longest_pause(moments, 95.0, 90.0) == 0.0, "the last run was recorded before the fault"


def test_a_sweep_that_ended_before_any_fault_has_none_and_a_known_recovery_stays() -> None:
    moments = [1.0, 12.0, 40.0]
    assert with_pauses([], moments) == []
    faults = [Injection(kind="worker_killed", at=at, what="", recovered_seconds=known) for at, known in FAULTS]
    assert [one.recovered_seconds for one in with_pauses(faults, moments)] == [7.0, 5.0]
