"""One run: what it leaves in the store, whatever happens to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fieldmark.config import ClassFrequencyConfig, PriorsNetConfig
from fieldmark.data.experiment import ExperimentData, experiment_data
from fieldmark.data.open import open_dataset
from fieldmark.errors import UserError
from fieldmark.search.executors.priorsnet_bench import PriorsNetBench
from fieldmark.search.executors.work import Work
from fieldmark.search.facts import facts_of
from fieldmark.search.interruption import CutOff
from fieldmark.search.options import sweep_options
from fieldmark.search.plan import SweepPlan, build_plan
from fieldmark.search.tasks import Task
from fieldmark.search.trial import run_trial
from fieldmark.store import Store
from fieldmark.store.records import stopped_id

SMALL = PriorsNetConfig(
    batch=32, lr=2e-3, epochs=6, sampler="IB", images_per_class=None, width=16, blocks=1, dropout=0.1
)


@pytest.fixture(scope="module")
def small(small_records: Path) -> tuple[SweepPlan, ExperimentData]:
    spec = f"table:{small_records}"
    dataset = open_dataset(spec)
    plan = build_plan(sweep_options(data=spec), facts_of(dataset, spec, None), {})
    return plan, experiment_data(dataset)


@pytest.fixture
def store() -> Store:
    return Store.open("memory://")


def task_of(plan: SweepPlan, config: PriorsNetConfig | ClassFrequencyConfig = SMALL, **options: bool) -> Task:
    task = plan.task(config, 0, {"number": 0, "role": "search"})
    return task.model_copy(update=options)


def test_a_run_leaves_its_evaluations_curve_log_and_record(small, store: Store) -> None:
    plan, data = small
    task = task_of(plan)
    assert run_trial(task, data, store).kind == "recorded"
    record = store.run(task.run_id)
    assert (record.status, record.epochs) == ("completed", 6)
    assert record.parameters > 0
    assert record.cost.cpu_seconds > 0
    assert record.cost.peak_memory_bytes > 2**20
    curve = store.curve(task.run_id)
    assert curve is not None
    assert curve["epoch"].to_pylist() == [1, 2, 3, 4, 5, 6]
    scores = store.evaluations(["split", "score", "log_loss"]).to_pylist()
    assert {row["split"] for row in scores} == {"tune", "test"}
    (on_tune,) = [row for row in scores if row["split"] == "tune" and row["score"] == "prior_calibrated"]
    assert record.metrics["log_loss"] == pytest.approx(on_tune["log_loss"]), "the objective's view"
    assert "loss=" in store.log(task.run_id)
    assert store.checkpoints(task.run_id).load() is None


def test_the_same_run_again_gives_the_same_numbers(small) -> None:
    plan, data = small
    first, second = Store.open("memory://"), Store.open("memory://")
    run_trial(task_of(plan), data, first)
    run_trial(task_of(plan), data, second)
    run_id = task_of(plan).run_id
    assert first.run(run_id).metrics == second.run(run_id).metrics
    assert first.curve(run_id) == second.curve(run_id)


def test_a_recorded_run_is_not_done_again(small, store: Store) -> None:
    plan, data = small
    task = task_of(plan, ClassFrequencyConfig())
    run_trial(task, data, store)
    seen = store.run(task.run_id).provenance.ended
    assert run_trial(task, data, store).kind == "recorded"
    assert store.run(task.run_id).provenance.ended == seen


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_run_that_is_cut_off_goes_on_with_the_numbers_of_an_unbroken_one(small, store: Store, after: int) -> None:
    plan, data = small
    task = task_of(plan)
    epochs: list[int] = []

    with pytest.raises(CutOff):
        run_trial(task, data, store, keep_going=lambda: len(epochs) < after, on_epoch=epochs.append)
    assert not store.has_run(task.run_id)
    resumed: list[int] = []
    run_trial(task, data, store, on_epoch=resumed.append)
    assert resumed[0] == len(epochs) + 1, "no epoch is trained twice"

    unbroken = Store.open("memory://")
    run_trial(task, data, unbroken)
    assert store.run(task.run_id).metrics == unbroken.run(task.run_id).metrics
    assert store.curve(task.run_id) == unbroken.curve(task.run_id)


def test_an_exception_is_a_failed_attempt_and_the_run_stays_to_be_done(
    small, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, data = small
    task = task_of(plan, ClassFrequencyConfig())

    def broken(*_: object, **__: object) -> None:
        raise FloatingPointError("the training loss is nan")

    with monkeypatch.context() as patch:
        patch.setattr("fieldmark.training.methods.fit", broken)
        outcome = run_trial(task, data, store)
    assert (outcome.kind, outcome.message) == ("failed", "FloatingPointError: the training loss is nan")
    (attempt,) = store.runs(["run_id", "status"]).to_pylist()
    assert attempt["status"] == "failed"
    assert "Traceback" in store.log(attempt["run_id"])
    assert run_trial(task, data, store).kind == "recorded"
    assert store.run(task.run_id).status == "completed"


def test_a_run_stopped_at_a_rung_is_recorded_as_stopped_and_not_evaluated(small, store: Store) -> None:
    plan, data = small
    for n in range(5):  # five runs that were far better at the first rung
        store.put_once(f"sweeps/{plan.sweep_id}/rungs/003/run{n}.json", b'{"goodness": 9.0, "goes_on": true}')
    task = task_of(plan, early_stopping=True)
    run_trial(task, data, store)
    assert not store.has_run(task.run_id), "another sweep may want the whole run"
    record = store.run(stopped_id(task.run_id, task.trial.sweep))
    assert (record.status, record.epochs) == ("stopped", 3)
    assert "log_loss" in record.metrics
    assert len(store.evaluations(["run_id"])) == 0


def test_a_published_row_is_never_stopped(small) -> None:
    plan, _ = small
    asha = plan.model_copy(update={"early_stopping": True})
    assert not any(task.early_stopping for group in asha.groups for task in asha.tasks(group))
    assert asha.task(SMALL, 0, {"role": "search"}, may_stop=True).early_stopping


def test_work_in_a_thread_can_be_cut_off(small, store: Store) -> None:
    plan, data = small
    task = task_of(plan, SMALL.model_copy(update={"epochs": 100_000}))
    work = Work(task.run_id, task.model_dump_json(), lambda: PriorsNetBench(data, store))
    while not work.epoch:
        work.wait(0.01)
    assert work.outcome is None
    work.cut_off(30)
    assert work.outcome is not None
    assert work.outcome.kind == "lost"
    assert store.checkpoints(task.run_id).load() is not None


def test_work_that_cannot_record_says_why(small, monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    plan, data = small

    def full(*_: object, **__: object) -> Callable[[], None]:
        raise OSError("no space left on device")

    monkeypatch.setattr(store, "commit_evaluation", full)
    monkeypatch.setattr(store, "append_log", full)
    task = task_of(plan, ClassFrequencyConfig())
    work = Work(task.run_id, task.model_dump_json(), lambda: PriorsNetBench(data, store))
    assert work.wait(30)
    assert work.outcome is not None
    assert (work.outcome.kind, work.outcome.message) == ("lost", "OSError: no space left on device")


def test_work_whose_process_cannot_begin_says_so_and_is_no_loss() -> None:
    def no_bench() -> PriorsNetBench:
        raise UserError("--store /mnt/runs: node a does not share it")

    work = Work("r", "{}", no_bench)
    assert work.wait(30) and not work.begun
    assert work.outcome is not None and work.outcome.kind == "not_begun"
    assert work.outcome.message == "its process could not begin: --store /mnt/runs: node a does not share it"
