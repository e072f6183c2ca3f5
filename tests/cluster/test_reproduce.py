"""All tables and figures from an empty store, undisturbed and killed (slow; a cut-off test goes on)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = "python jobs/reproduce.py all --scale smoke"
VALUES = 61
KILLS = 10
AGAIN = 60.0
"""Seconds in which the same command again is to end."""


@pytest.fixture
def folder(root: Path) -> Path:
    return Path(os.environ.get("FIELDMARK_REPRODUCE", root / ".slow-state" / "reproduce"))


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_row_of_six_tables_is_measured_and_the_second_time_nothing_is_left(
    root: Path, folder: Path, write_evidence: Callable[[str, str, dict[str, Any]], None], monkeypatch: Any
) -> None:
    monkeypatch.syspath_prepend(str(root / "tests" / "cluster"))
    from reproduce_kills import tables, undisturbed

    found = undisturbed(folder, COMMAND.split()[2:]).known
    whole, again = found["whole"], found["again"]
    assert (whole["measured"], whole["cells"], whole["failures"], whole["problems"]) == (VALUES, VALUES, [], [])
    assert found["seconds_again"] < AGAIN
    assert (again["new_runs"], again["done_runs"]) == (0, whole["planned_runs"])
    rows = [[row for row in table["rows"] if row["row"] is not None] for table in tables(folder, "whole")]
    unmeasured = [(number, row["row"]) for number, table in enumerate(rows, 1) for row in table if not row["metrics"]]
    assert unmeasured == [], "every published row has a measured value"
    assert len({(number, row["row"]) for number, table in enumerate(rows, 1) for row in table}) == 41
    figures = {key: found[key] for key in ("seconds_from_nothing", "seconds_again", "whole")}
    write_evidence("reproduce_smoke", COMMAND, {**figures, "tables": _summary(rows)})


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ten_kills_of_the_driver_change_nothing(
    root: Path, folder: Path, write_evidence: Callable[[str, str, dict[str, Any]], None]
) -> None:
    program = [sys.executable, str(root / "tests/cluster/reproduce_kills.py"), str(folder), "--kills", str(KILLS)]
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    assert len(found["kills"]) == KILLS
    assert found["relative_difference"] == 0.0
    write_evidence("reproduce_kills", f"{COMMAND}, killed {KILLS} times", found)


def _summary(tables: list[list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    kept = ("row", "published", "mean", "std", "n", "verdict")
    return {
        f"S{number}": [
            {
                **{key: row[key] for key in kept},
                **{key: row["keys"][key] for key in ("dataset", "model", "method", "trained") if key in row["keys"]},
            }
            for row in rows
        ]
        for number, rows in enumerate(tables, 1)
    }
