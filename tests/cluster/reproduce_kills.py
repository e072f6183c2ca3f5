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
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kill_loop import Process, alive, descendants, title
from train_kills import difference

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 5400.0
GRACE = 30.0
VOLATILE = ("seconds", "page", "figures", "new_runs", "done_runs")
"""Fields of the result that are no result."""


class Command:
    """The reproduction, started by this program."""

    def __init__(self, folder: Path, store: str, flags: list[str]) -> None:
        job = [sys.executable, str(ROOT / "jobs/reproduce.py"), *flags, "--store", store, "--out", f"out-{store}"]
        self.started = time.monotonic()
        self.seen: set[Process] = set()
        self.log = (folder / f"{store}.log").open("ab")
        self.popen = subprocess.Popen(
            [*job, "--json"],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=self.log,
            start_new_session=True,
            text=True,
        )

    def watch(self, until: Callable[[], bool]) -> bool:
        """Waits until something holds, noting every process below; False when the command ends before."""
        while time.monotonic() - self.started < PATIENCE:
            self.seen |= descendants(self.popen.pid)
            if until():
                return True
            if self.popen.poll() is not None:
                return False
            time.sleep(2)
        raise TimeoutError(f"the command did not end within {PATIENCE:.0f} s; see its log")

    def ended(self) -> tuple[int, str]:
        """Waits for the end and for all its processes to go; returns exit code and standard output."""
        self.watch(lambda: self.popen.poll() is not None)
        end = time.monotonic() + GRACE
        while any(map(alive, self.seen)) and time.monotonic() < end:
            time.sleep(0.2)
        left = [title(pid)[:200] for pid, start in self.seen if alive((pid, start))]
        assert not left, f"left {GRACE:.0f} s after the end of the driver: {left}"
        return self.popen.returncode, self.popen.communicate()[0]


def finished(folder: Path, store: str, flags: list[str]) -> tuple[dict[str, Any], float]:
    """Has the command end; returns what it printed and how long it took."""
    command = Command(folder, store, flags)
    code, output = command.ended()
    assert code == 0, f"exit code {code}, see {store}.log"
    return dict(json.loads(output)), time.monotonic() - command.started


def recorded(folder: Path, store: str) -> int:
    """Returns how many runs are recorded."""
    from fieldmark.store import Store

    if not (folder / store).exists():
        return 0
    return len(Store.open(str(folder / store), create=False).runs(["run_id"]))


def kill_once(folder: Path, store: str, flags: list[str], runs: int, seconds: float) -> dict[str, Any] | None:
    """Kills the driver so many seconds after so many new runs were recorded; None where it had ended before."""
    before = recorded(folder, store)
    command = Command(folder, store, flags)
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
    from fieldmark.store import Store
    from fieldmark.tables.compare import comparison_table
    from fieldmark.tables.render import render

    opened = Store.open(str(folder / store), create=False)
    found = [json.loads(render(comparison_table(opened, f"S{number}"), "json")) for number in range(1, 7)]
    return [_without_times(table) for table in found]


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
        result, seconds = finished(folder, "whole", flags)
        state.keep(whole=result, seconds_from_nothing=round(seconds, 1) if from_nothing else None)
    if "again" not in state.known:
        result, seconds = finished(folder, "whole", flags)
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
    last, seconds = finished(folder, "killed", flags)
    same = [{key: value for key, value in one.items() if key not in VOLATILE} for one in (state.known["whole"], last)]
    assert same[0] == same[1], same
    assert tables(folder, "whole") == tables(folder, "killed"), "the tables are the same"
    return {
        "kills": state.known["kills"],
        "seconds_of_the_rest": round(seconds, 1),
        "relative_difference": difference(folder, "whole", "killed"),
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
