"""Kills drivers and trials of one sweep, again and again, and has the same command go on; then looks what is recorded.

Each round starts the command and kills for real (SIGKILL): the driver at a seeded random moment, a trial's process at
one, or whichever process comes to a seeded fault point. Rounds raise `--trials`, so that there is always work left.
The state lies in .slow-state/kills: a loop that is cut off goes on with the next round. Only processes that this
program started, and their descendants, are ever signalled.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fieldmark.testing.faults.command import Command

ROOT = Path(__file__).resolve().parents[2]
WORLD = "world:species=9,per_category=20,val_per_category=8,test_per_category=10,full=2"
TRIALS_A_ROUND = 3
PATIENCE = 240.0

FAULTS = (
    "commit_evaluation.predictions",
    "commit_evaluation.record",
    "commit_run.curve",
    "commit_run.record",
    "log.written",
    "trial.fitted",
    "trial.evaluated",
    "checkpoint.cleared",
    "lease.epoch",
    "lease.heartbeat",
    "plan.written",
    "card.written",
)
A_RUN = ("commit_run", "log", "trial", "checkpoint")
"""Points that every run comes to once."""
KINDS = ("driver", "trial", "fault")


@dataclass
class State:
    """What has been done so far."""

    folder: str
    rounds: list[dict[str, object]] = field(default_factory=list)

    def save(self) -> None:
        target = Path(self.folder) / "state.json"
        target.with_suffix(".new").write_text(json.dumps(asdict(self), indent=1))
        target.with_suffix(".new").replace(target)

    @classmethod
    def load(cls, folder: Path) -> "State":
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "state.json"
        return cls(**json.loads(file.read_text())) if file.exists() else cls(folder=str(folder))


def driver_of(folder: Path, trials: int, *flags: str, environment: dict[str, str] | None = None) -> Command:
    """Starts the sweep on the folder's store."""
    mine = ["--data", WORLD, "--store", str(folder / "store"), "--trials", str(trials), "--seeds", "2"]
    job = ROOT / "jobs/sweep_priorsnet.py"
    return Command(job, [*mine, "--max-concurrent", "2", *flags], folder, environment=environment, patience=PATIENCE)


def trials_of(driver: Command) -> list[int]:
    """Returns the processes in which trials run."""
    return driver.below("ray::_Inner")


def kill_driver(driver: Command, draw: random.Random) -> str | None:
    """Kills the driver at a random moment, every other time one among its trials; None where it had ended."""
    among_trials = draw.random() < 0.5
    if among_trials and not driver.watch(lambda: bool(trials_of(driver))):
        return None
    if not driver.watch_for(draw.uniform(1, 12 if among_trials else 30)):
        return None
    os.kill(driver.popen.pid, signal.SIGKILL)
    return "driver"


def kill_trial(driver: Command, draw: random.Random) -> str | None:
    """Kills the process of a trial at a random moment after trials have begun."""
    if not driver.watch(lambda: bool(trials_of(driver))):
        return None
    if not driver.watch_for(draw.uniform(0, 8)):
        return None
    running = trials_of(driver)
    if not running:
        return None
    os.kill(draw.choice(running), signal.SIGKILL)
    return "trial"


def do_round(state: State, number: int, attempt: int) -> dict[str, object] | None:
    """Does a round; returns what happened, or None where nothing was left to kill."""
    draw = random.Random(1000 * number + attempt)
    folder = Path(state.folder)
    kind = KINDS[number % len(KINDS)]
    trials = TRIALS_A_ROUND * (number + attempt + 1)
    environment = {}
    point = ""
    if kind == "fault":
        point = FAULTS[number // len(KINDS) % len(FAULTS)]
        nth = draw.randint(1, 9) if "evaluation" in point else draw.randint(1, 2) if point.startswith(A_RUN) else 1
        hits = folder / "hits"
        hits.unlink(missing_ok=True)
        environment = {"FIELDMARK_FAULT": f"{point}:{nth}", "FIELDMARK_FAULT_STATE": str(hits)}
    driver = driver_of(folder, trials, environment=environment)
    if kind == "fault":
        code, _ = driver.ended()
        hits_seen = (folder / "hits").stat().st_size if (folder / "hits").exists() else 0
        what = f"{point}:{nth}" if hits_seen >= nth else None
    else:
        what = (kill_driver if kind == "driver" else kill_trial)(driver, draw)
        code, _ = driver.ended()
    if what is None:
        return None
    if kind == "trial":
        assert code == 0, f"a lost trial must not end the sweep: exit code {code}; see driver.log"
    return {"kind": kind, "what": what, "trials": trials, "code": code, "gone_after": round(driver.gone_after, 2)}


def finish(state: State) -> dict[str, object]:
    """Has the same command end, runs it once more, and looks at what is recorded."""
    store = Path(state.folder) / "store"
    trials = max(int(str(one["trials"])) for one in state.rounds)
    code, _ = driver_of(store.parent, trials).ended()
    assert code == 0, "see driver.log"
    code, again = driver_of(store.parent, trials).ended()
    last = json.loads(again)
    assert (code, last["new_runs"], last["failed_runs"]) == (0, 0, 0), last
    assert last["done_runs"] == last["planned_runs"]
    return {"sweep": last["sweep"], "runs": last["done_runs"], **inspect(store, last["sweep"], trials)}


def inspect(folder: Path, sweep: str, trials: int) -> dict[str, object]:
    """Checks the store: every planned run once, whole curves, no conflicts, the study complete."""
    from fieldmark.search.ledger import Ledger
    from fieldmark.search.plan import SweepPlan
    from fieldmark.search.proposals import Proposals
    from fieldmark.search.scheduler import Scheduler
    from fieldmark.store import Store

    store = Store.open(str(folder), create=False)
    plan = SweepPlan.model_validate(store.plan(sweep))
    card = plan.facts.card
    scheduler = Scheduler(plan, Ledger(store, card.fingerprint, card.protocol, plan.objective), Proposals(store, sweep))
    told = scheduler.told()
    rows = sum(bool(params) for group in plan.groups for params in group.serves.values())
    repeats = sum(bool(one.attributes.get("repeats")) for one in told)
    assert {one.state for one in told} == {"complete"}
    assert len(told) == rows + trials + repeats, "the study has every trial"
    assert scheduler.next() is None or scheduler.planned == scheduler.recorded
    runs = store.runs(["run_id", "status", "method", "epochs"]).to_pylist()
    assert len(runs) == len({run["run_id"] for run in runs})
    for run in runs:
        assert run["status"] == "completed", run
        if run["method"] == "priorsnet":
            curve = store.curve(run["run_id"])
            assert curve is not None
            assert curve["epoch"].to_pylist() == list(range(1, run["epochs"] + 1)), "every epoch once"
    assert not store.conflicts(), "a run that was done twice gave the same numbers"
    assert not store.problems()
    return {"told": len(told), "recorded": len(runs), "conflicts": 0}


def two_drivers(state: State) -> dict[str, object]:
    """Two drivers at once: on one sweep the second is refused; two sweeps in one store end well."""
    folder = Path(state.folder) / "two"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    first = driver_of(folder, 2)
    leases = folder / "store" / "sweeps"
    first.watch(lambda: any(leases.glob("*/lease/*.json")))
    second = driver_of(folder, 2)
    refused, _ = second.ended()
    message = (folder / "driver.log").read_text()
    assert refused == 2, refused
    assert f"pid {first.popen.pid}" in message, "it names the first"
    other = driver_of(folder, 2, "--search-seed", "1")
    codes = [first.ended()[0], other.ended()[0]]
    assert codes == [0, 0], codes
    return {"second_on_one_sweep": refused, "two_sweeps": codes}


def rounds(state: State, wanted: int) -> Iterator[int]:
    """Yields the numbers of the rounds that are left."""
    while len(state.rounds) < wanted:
        yield len(state.rounds)


def main() -> None:
    """Runs the loop and prints what it found as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--state", type=Path, default=ROOT / ".slow-state" / "kills")
    arguments = parser.parse_args()
    state = State.load(arguments.state)
    for number in rounds(state, arguments.rounds):
        for attempt in range(5):
            done = do_round(state, number, attempt)
            if done is not None:
                break
        else:
            raise AssertionError(f"round {number}: nothing could be killed in five attempts")
        state.rounds.append(done)
        state.save()
        print(f"round {number + 1}: {done}", file=sys.stderr, flush=True)
    found = {"rounds": state.rounds, "end": finish(state), "two_drivers": two_drivers(state)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
