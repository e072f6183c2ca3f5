"""What gives no sign of life is ended, and goes on."""

import os
import threading
from functools import partial
from pathlib import Path

import pytest

from fieldmark.config import PriorsNetConfig
from fieldmark.data.experiment import experiment_data
from fieldmark.data.open import open_dataset
from fieldmark.search.drive import drive
from fieldmark.search.executors.local import LocalExecutor
from fieldmark.search.executors.pulse import Pulse
from fieldmark.search.facts import facts_of
from fieldmark.search.options import sweep_options
from fieldmark.search.plan import build_plan
from fieldmark.search.tasks import Outcome, Task
from fieldmark.search.under_way import UnderWay
from fieldmark.store import Store
from fieldmark.testing.fault_bench import FaultBench
from fieldmark.testing.image_units import image_unit

SMALL = PriorsNetConfig(batch=32, lr=2e-3, epochs=2, sampler="IB", images_per_class=None, width=16, blocks=1)
FAULTS = {0: "sleeps", 1: "is stopped", 2: "memory runs out"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Line(UnderWay[Task]):
    """Runs that wait in line."""

    def __init__(self, tasks: list[Task], store: Store) -> None:
        super().__init__()
        self._waiting = list(tasks)
        self._store = store
        self.told: list[Outcome] = []

    @property
    def planned(self) -> int:
        return 0

    def standing(self) -> str:
        return ""

    def tell(self, outcome: Outcome) -> None:
        self.told.append(outcome)
        super().tell(outcome)

    def _next(self) -> Task | None:
        return self._started(self._waiting.pop(0)) if self._waiting else None

    def _cost(self, unit: Task) -> float | None:
        return 1.0 if self._store.has_run(unit.run_id) else None

    def _again(self, unit: Task) -> None:
        self._waiting.insert(0, unit)

    def _give_up(self, unit: Task, message: str) -> None:
        self._failed(unit, message)


def test_only_silence_counts() -> None:
    clock = Clock()
    pulse = Pulse(60, clock)
    pulse.hear("busy", 1)
    pulse.hear("stuck", 1)
    for second in range(0, 200, 20):
        clock.now = second
        pulse.hear("busy", second)
        pulse.hear("stuck", 1)  # its process is there, and says that nothing has happened
    assert pulse.hung == ["stuck"], "who was never heard has not begun, and waits for room"
    assert pulse.silence == "no sign of life for 1.0 min"
    pulse.forget("stuck")
    assert not pulse.hung


def test_in_this_process_it_is_only_said(small_records: Path, tmp_path: Path) -> None:
    plan, data = small(small_records)
    heard, said = threading.Event(), []

    def say(line: str) -> None:
        said.append(line)
        heard.set()

    class Slow(FaultBench):
        def do(self, unit, **how) -> Outcome:
            assert heard.wait(30)
            return super().do(unit, **how)

    store = Store.open("memory://")
    executor = LocalExecutor(partial(Slow, data, {}, str(tmp_path)), store, say=say, hang_after=0.05)
    executor.start(plan.task(SMALL, 0, {"number": 0, "role": "search"}))
    assert [outcome.kind for outcome in executor.poll(0)] == ["recorded"]
    assert "cannot be ended" in said[0] and "no sign of life" in said[0]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_hung_trials_and_one_that_runs_out_of_memory_are_done_in_the_end(small_records: Path, tmp_path: Path) -> None:
    from fieldmark.search.executors.tune import TuneExecutor

    plan, data = small(small_records)
    store, attempts = Store.open(str(tmp_path / "runs")), tmp_path / "attempts"
    attempts.mkdir()
    maker = partial(FaultBench, data, FAULTS, str(attempts))
    tasks = [plan.task(SMALL, seed, {"number": seed, "role": "search"}) for seed in range(4)]
    line, said = Line(tasks, store), []
    executor = TuneExecutor(maker, store, address=None, max_concurrent=2, say=said.append, hang_after=90.0)
    try:
        drive(line, executor, lambda *_: None)
    finally:
        executor.stop()
    assert not line.failures and len(line.new_runs) == 4
    bad = {outcome.run_id: outcome for outcome in line.told if outcome.kind != "recorded"}
    assert [bad[task.run_id].kind for task in tasks[:3]] == ["lost", "lost", "out_of_memory"]
    assert bad[tasks[0].run_id].message == "no sign of life for 1.5 min; its process was ended"
    processes = [{file.read_text() for file in attempts.glob(f"{seed}-*")} for seed in range(4)]
    assert [len(one) for one in processes[:2]] == [2, 2], "the stuck process was ended, another one went on"
    assert [len(list(attempts.glob(f"{seed}-*"))) for seed in range(4)] == [2, 2, 2, 1]
    failed = [record for record in store.run_records() if record.status == "failed"]
    assert [record.message.split(":")[0] for record in failed] == ["MemoryError"]


HANGS_ONCE = """
import os, pathlib, threading
met = pathlib.Path({folder!r}) / "met"
if os.getpid() != {driver} and not met.exists():
    met.touch()
    threading.Event().wait()
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hung_group_of_workers_is_started_again(tmp_path: Path) -> None:
    from fieldmark.search.executors.groups import GroupExecutor
    from fieldmark.search.training.job import Extension

    store, said = Store.open(str(tmp_path / "runs")), []
    text = HANGS_ONCE.format(folder=str(tmp_path), driver=os.getpid())
    executor = GroupExecutor(
        store,
        address=None,
        say=said.append,
        workers=2,
        cache=str(tmp_path / "cache"),
        extensions=(Extension(file="hangs.py", text=text),),
        hang_after=90.0,
    )
    try:
        unit = image_unit(workers=2)
        executor.start(unit)
        ended: list[Outcome] = []
        while not ended:
            ended = executor.poll(1.0)
    finally:
        executor.stop()
    assert (ended[0].kind, ended[0].message) == ("recorded", ""), said
    assert (tmp_path / "met").exists() and any(
        "no sign of life for 1.5 min: the workers are ended" in line for line in said
    )


def small(records: Path):
    spec = f"table:{records}"
    dataset = open_dataset(spec)
    return build_plan(sweep_options(data=spec), facts_of(dataset, spec, None), {}), experiment_data(dataset)
