"""Kills the driver of `reproduce all --scale smoke`, again and again, and compares the end with an undisturbed one.

Each round starts the command and kills it (SIGKILL) at a seeded random moment of its work, so that all kinds of work
are hit. The state lies in the folder: a loop that is cut off goes on with the next round. Only processes that this
program started, and their descendants, are ever signalled. It prints what it found as JSON.
"""

import argparse
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from fieldmark.store import Store
from fieldmark.testing.faults.command import Command
from fieldmark.testing.faults.difference import difference

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 5400.0
GRACE = 30.0
VOLATILE = ("seconds", "page", "figures", "new_runs", "done_runs")
"""Fields of the result that are no result."""


def reproduction(folder: Path, store: str, flags: list[str]) -> Command:
    """Starts the reproduction."""
    mine = [*flags, "--store", store, "--out", f"out-{store}"]
    job = ROOT / "jobs/reproduce.py"
    return Command(job, mine, folder, log=f"{store}.log", patience=PATIENCE, grace=GRACE, every=2.0)


def recorded(folder: Path, store: str) -> int:
    """Returns how many runs are recorded."""
    return len(_store(folder, store).runs(["run_id"])) if (folder / store).exists() else 0


def kill_once(folder: Path, store: str, flags: list[str], runs: int, seconds: float) -> dict[str, Any] | None:
    """Kills the driver so many seconds after so many new runs were recorded; None where it had ended before."""
    before = recorded(folder, store)
    command = reproduction(folder, store, flags)
    due: list[float] = []

    def is_due() -> bool:
        if not due and recorded(folder, store) >= before + runs:
            due.append(time.monotonic() + seconds)
        return bool(due) and time.monotonic() >= due[0]

    if not command.watch(is_due):
        command.ended()
        return None
    os.kill(command.popen.pid, signal.SIGKILL)
    command.ended()
    after = time.monotonic() - command.started
    return {"recorded_before": before, "recorded_then": recorded(folder, store), "after_seconds": round(after, 1)}


def tables(folder: Path, store: str) -> list[dict[str, Any]]:
    """Returns the six tables of a store as JSON, without times and places, which are no result."""
    from fieldmark.tables.compare import comparison_table
    from fieldmark.tables.render import render

    opened = _store(folder, store)
    found = [json.loads(render(comparison_table(opened, f"S{number}"), "json")) for number in range(1, 7)]
    return [_without_times(table) for table in found]


def _store(folder: Path, name: str) -> Store:
    return Store.open(str(folder / name), create=False)


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(one) for key, one in value.items() if key not in ("seconds", "command", "plan")}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


class State:
    """What has been done so far, in a file; a loop that is cut off goes on from it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "state.json"
        self.known: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}

    def keep(self, **found: Any) -> None:
        """Adds to it."""
        self.known |= found
        self._file.with_suffix(".new").write_text(json.dumps(self.known, indent=1))
        self._file.with_suffix(".new").replace(self._file)


def undisturbed(folder: Path, flags: list[str]) -> State:
    """Runs the command from an empty store, and once more; returns what is known then."""
    state = State(folder)
    if "whole" not in state.known:
        from_nothing = not (folder / "whole").exists()
        result, seconds = reproduction(folder, "whole", flags).finished()
        state.keep(whole=result, seconds_from_nothing=round(seconds, 1) if from_nothing else None)
    if "again" not in state.known:
        result, seconds = reproduction(folder, "whole", flags).finished()
        state.keep(again=result, seconds_again=round(seconds, 1))
    return state


def killed(folder: Path, flags: list[str], kills: int, seed: int) -> dict[str, Any]:
    """Kills the command so many times, has it end, and compares with the undisturbed one."""
    state = undisturbed(folder, flags)
    share = state.known["whole"]["planned_runs"] // (kills + 1)
    for number in range(len(state.known.get("kills", [])), kills):
        draw = random.Random(1000 * seed + number)
        kill = kill_once(folder, "killed", flags, draw.randint(max(1, share - 3), share + 2), draw.uniform(0, 4))
        assert kill is not None, "the command had ended before it was killed"
        state.keep(kills=[*state.known.get("kills", []), kill])
    last, seconds = reproduction(folder, "killed", flags).finished()
    same = [{key: value for key, value in one.items() if key not in VOLATILE} for one in (state.known["whole"], last)]
    assert same[0] == same[1], same
    assert tables(folder, "whole") == tables(folder, "killed"), "the tables are the same"
    return {
        "kills": state.known["kills"],
        "seconds_of_the_rest": round(seconds, 1),
        "relative_difference": difference(_store(folder, "whole"), _store(folder, "killed")),
        "runs": recorded(folder, "whole"),
    }


def main() -> None:
    """Runs undisturbed, then with kills, and compares runs, curves, evaluations and tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("flags", nargs="*", default=["all", "--scale", "smoke"])
    arguments = parser.parse_args()
    print(json.dumps(killed(arguments.folder, arguments.flags, arguments.kills, arguments.seed)))


if __name__ == "__main__":
    main()
