"""Sweeps under a budget, in virtual time."""

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.config import ClassFrequencyConfig
from fieldmark.search.budget.amounts import parse_budget
from fieldmark.search.budget.limits import BudgetLimit
from fieldmark.search.budget.meter import Meter
from fieldmark.search.budget.metered import MeteredExecutor
from fieldmark.search.budget.mine import Mine
from fieldmark.search.budget.note import put_note
from fieldmark.search.budget.prices import PriceTable
from fieldmark.search.budget.spending import Pricing, Spent
from fieldmark.search.drive import drive
from fieldmark.search.executors.bench import Unit
from fieldmark.search.executors.simulated import SimulatedExecutor
from fieldmark.search.ledger import Ledger
from fieldmark.search.plan import SweepPlan
from fieldmark.search.proposals import Proposals
from fieldmark.search.scheduler import Scheduler
from fieldmark.search.tasks import Outcome, Task
from fieldmark.store import Store
from fieldmark.store.records import Cost, Provenance, RunRecord
from fieldmark.tables.limit_note import LimitNote, note_key, read_note

HOUR = 3600.0
LONGEST = 3 * HOUR
PRICES = PriceTable(currency="USD", cpu_hour=1.0, gpu_hour={"H100": 3.0, "default": 2.0})


def hours_of(run_id: str) -> float:
    return random.Random(run_id).uniform(0.5, 3)


@dataclass
class Cluster:
    """Simulated workers of one CPU and one GPU, on a store that several commands share."""

    plan: SweepPlan
    workers: int = 2
    store: Store = field(default_factory=lambda: Store.open("memory://"))
    now: float = 0.0
    fail: set[int] = field(default_factory=set)
    """Positions of attempts that raise."""
    attempts: int = 0

    def run(self, task: Task) -> Outcome:
        self.attempts += 1
        seconds = hours_of(task.run_id) * HOUR
        failed = self.attempts in self.fail
        self.store.commit_run(
            RunRecord(
                run_id=f"attempt{self.attempts}" if failed else task.run_id,
                spec=task.spec,
                scale=task.scale,
                status="failed" if failed else "completed",
                metrics={} if failed else {"top1": hours_of(task.run_id), "log_loss": 1.0},
                epochs=2,
                trial=task.trial,
                cost=Cost() if failed else Cost(seconds=seconds, cpu_seconds=seconds, gpu_seconds=seconds),
                provenance=Provenance(
                    host="a",
                    device="cpu" if failed else "cuda:0 NVIDIA H100",
                    started=self.now - seconds,
                    ended=self.now,
                ),
            )
        )
        return Outcome(run_id=task.run_id, kind="failed" if failed else "recorded")

    def scheduler(self) -> Scheduler:
        card = self.plan.facts.card
        ledger = Ledger(self.store, card.fingerprint, card.protocol, self.plan.objective, self.plan.sweep_id)
        return Scheduler(self.plan, ledger, Proposals(self.store, self.plan.sweep_id))

    def meter(self, clock: Any) -> Meter:
        return Meter(Mine(self.store, self.plan.sweep_id), PRICES, clock)

    def command(self, budget: str | None = None, *, stops: bool = False) -> tuple[Scheduler, Meter]:
        """Drives the sweep as one command does."""
        start = self.now
        executor = _Gpus(self.workers, self.run, lambda unit: hours_of(unit.run_id) * HOUR)

        def clock() -> float:
            self.now = start + executor.now
            return self.now

        scheduler = self.scheduler()
        meter = self.meter(clock)
        limit = None if budget is None else BudgetLimit(parse_budget(budget), meter, start, stops=stops, clock=clock)
        drive(scheduler, MeteredExecutor(executor, meter), lambda *_: clock(), limit=limit)
        scheduler.cut_off()
        meter.close()
        return scheduler, meter

    def recorded(self) -> dict[str, float]:
        rows = self.store.runs(["run_id", "top1", "status"]).to_pylist()
        return {row["run_id"]: row["top1"] for row in rows if row["status"] == "completed"}


class _Gpus(SimulatedExecutor):
    def holds(self, unit: Unit) -> tuple[float, float]:
        return 1.0, 1.0


@pytest.fixture(scope="module")
def plan(plan_of: Any) -> SweepPlan:
    found: SweepPlan = plan_of(trials=4, seeds=2, sampler="random")
    return found


@pytest.fixture(scope="module")
def unlimited(plan: SweepPlan) -> dict[str, float]:
    cluster = Cluster(plan)
    cluster.command()
    return cluster.recorded()


@settings(deadline=None, max_examples=20)
@given(
    gpu_hours=st.floats(0.1, 120), workers=st.integers(1, 6), fail=st.sets(st.integers(1, 20)), kind=st.integers(0, 2)
)
def test_a_budget_is_exceeded_by_what_was_running_at_most_and_nothing_is_lost(
    plan: SweepPlan, unlimited: dict[str, float], gpu_hours: float, workers: int, fail: set[int], kind: int
) -> None:
    cluster = Cluster(plan, workers=workers, fail=fail)
    each = (1.0, 1.0, 4.0)[kind]  # of an hour on one worker
    budget = f"{gpu_hours:.3f}{('gpuh', 'cpuh', 'usd')[kind]}"
    _, meter = cluster.command(budget)
    used = (meter.spent().gpu_seconds / HOUR, meter.spent().cpu_seconds / HOUR, meter.spent().money)[kind]
    assert used <= gpu_hours + each * workers * LONGEST / HOUR
    before = cluster.recorded()
    cluster.fail = set()
    ended, _ = cluster.command("100000gpuh")
    assert (ended.closed, ended.recorded) == ("", ended.planned)
    assert before.items() <= cluster.recorded().items()
    if not fail:
        assert cluster.recorded() == unlimited, "the same command with a higher budget ends the sweep"


def test_what_earlier_commands_have_spent_counts(plan: SweepPlan) -> None:
    cluster = Cluster(plan, fail={2})
    first, meter = cluster.command("10gpuh")
    spent = meter.spent()
    assert spent.gpu_seconds == spent.cpu_seconds >= 10 * HOUR * 0.2
    again = cluster.meter(lambda: cluster.now).spent()
    assert again.gpu_seconds == pytest.approx(spent.gpu_seconds), "the failed attempt held a GPU, too"
    assert again.money == pytest.approx(4 * spent.gpu_seconds / HOUR)
    second, _ = cluster.command("10gpuh")
    assert first.new_runs and not second.new_runs
    assert "10gpuh" in second.closed


def test_what_is_stopped_at_its_checkpoint_is_no_failure_and_counts_until_it_is_recorded(plan: SweepPlan) -> None:
    cluster = Cluster(plan, workers=4)
    first, meter = cluster.command("5gpuh", stops=True)
    assert "the budget of 5gpuh is spent" in first.closed
    assert not first.failures and not first.running
    recorded = sum(hours_of(run) for run in first.new_runs)
    spent = meter.spent().gpu_seconds / HOUR
    assert spent > recorded, "what the runs that were cut off have held"
    second = cluster.meter(lambda: cluster.now)
    assert second.spent().gpu_seconds / HOUR == pytest.approx(spent)
    ended, whole = cluster.command()
    assert ended.recorded == ended.planned
    every = sum(hours_of(run) for run in cluster.recorded())
    assert whole.spent().gpu_seconds / HOUR == pytest.approx(every), "nothing is counted twice"


def test_a_run_that_would_clearly_take_more_than_is_left_is_not_started(plan: SweepPlan) -> None:
    cluster = Cluster(plan, workers=1)
    cluster.command("3gpuh")
    taken = cluster.meter(lambda: cluster.now).spent().gpu_seconds / HOUR
    before = len(cluster.recorded())
    scheduler, _ = cluster.command(f"{taken + 0.01:.3f}gpuh")
    assert "is left, and the next run would take about" in scheduler.closed
    assert len(cluster.recorded()) == before
    assert scheduler.recorded < scheduler.planned


def test_time_is_that_of_the_command(plan: SweepPlan) -> None:
    cluster = Cluster(plan)
    for _ in range(2):
        scheduler, _ = cluster.command("4h", stops=True)
        assert scheduler.new_runs, "a new command has its own time"


def test_bytes_are_what_the_sweep_has_written(plan: SweepPlan, plan_of: Any) -> None:
    cluster = Cluster(plan)
    scheduler, meter = cluster.command("8kb")
    assert "the budget of 8kb is spent" in scheduler.closed
    assert meter.bytes(fresh=True) >= 8000
    other = Mine(cluster.store, plan_of(trials=1, seeds=1, search_seed=7).sweep_id)
    assert other.bytes() == 0, "another sweep's"


def test_a_reproduction_counts_its_runs_whoever_recorded_them(plan: SweepPlan) -> None:
    cluster = Cluster(plan)
    scheduler, _ = cluster.command("4gpuh")
    some = frozenset(scheduler.new_runs[:1])
    spent = Meter(Mine(cluster.store, "reproduction", runs=some)).spent()
    assert spent.gpu_seconds / HOUR == pytest.approx(hours_of(scheduler.new_runs[0]))


def test_the_note_is_forgotten_once_the_sweep_has_gone_on(plan: SweepPlan) -> None:
    mine = Mine(Store.open("memory://"), plan.sweep_id)
    note = LimitNote(reason="the budget of 5gpuh is spent", at=0.0, recorded=3, planned=20, command="fieldmark x")
    put_note(mine, note)
    assert read_note(mine.store, plan.sweep_id) == note
    sentence = note.sentence(plan.sweep_id)
    assert "1970-01-01 00:00 UTC: the budget of 5gpuh is spent; 17 of 20 runs were missing" in sentence
    put_note(mine, None)
    assert mine.store.get(note_key(plan.sweep_id)) is None


@pytest.mark.parametrize(
    ("reason", "budget"),
    [
        ("the budget of 5gpuh is spent (5.1 GPU-hours used)", "8h,10gpuh,20GB"),
        ("the budget of 8h is spent", "8h,5gpuh,20GB"),
        ("of the budget of 8h 1.0 h is left, and the next run would take about 9.0 h", "16h,5gpuh,20GB"),
        ("the budget of 20GB is spent (21 GB used)", "8h,5gpuh,40GB"),
    ],
)
def test_the_command_that_goes_on_has_more_of_what_is_short(
    monkeypatch: pytest.MonkeyPatch, reason: str, budget: str
) -> None:
    from fieldmark.search.budget.note import command_beyond

    monkeypatch.setattr("sys.argv", ["fieldmark", "sweep", "priorsnet", "--budget", "8h,5gpuh,20GB", "--seeds", "2"])
    assert command_beyond(reason) == f"fieldmark sweep priorsnet --budget {budget} --seeds 2"
    monkeypatch.setattr("sys.argv", ["fieldmark", "sweep", "priorsnet", "--budget=8h,5gpuh,20GB"])
    assert command_beyond(reason) == f"fieldmark sweep priorsnet --budget={budget}"


def test_the_prices_of_a_sweep_stand_in_its_result(records: Path, tmp_path: Path) -> None:
    from fieldmark.search.options import sweep_options
    from fieldmark.search.result import SweepResult
    from fieldmark.search.sweep import sweep_priorsnet
    from fieldmark.tables.compare import comparison_table

    (tmp_path / "prices.json").write_text(PRICES.model_dump_json())
    options = sweep_options(
        data=f"table:{records}",
        trials=0,
        seeds=1,
        executor="local",
        store=str(tmp_path / "runs"),
        prices=str(tmp_path / "prices.json"),
        budget="1b",
    )
    stopped = sweep_priorsnet(options)
    assert isinstance(stopped, SweepResult) and stopped.limit is not None
    store = Store.open(options.store)
    closing = " ".join(comparison_table(store, "S2").closing)
    assert f"Stopped at a limit: sweep {stopped.sweep[:8]}" in closing
    assert "the budget of 1b is spent" in closing and f"{stopped.limit.missing} of {stopped.planned_runs}" in closing
    ended = sweep_priorsnet(options.model_copy(update={"budget": "1gb"}))
    assert isinstance(ended, SweepResult)
    assert ended.limit is None and not ended.budget_spent
    assert ended.spending.money == pytest.approx(ended.spending.cpu_hours) and ended.spending.currency == "USD"
    assert 0 < ended.spending.cpu_hours < 1 and ended.spending.bytes > 10_000
    assert "Stopped at a limit" not in " ".join(comparison_table(store, "S2").closing)
    dry = sweep_priorsnet(options.model_copy(update={"budget": None, "dry_run": True, "trials": 3}))
    assert not isinstance(dry, SweepResult) and dry.expected is not None
    assert dry.expected.money == pytest.approx(dry.expected.cpu_hours)
    assert "costs        about " in dry.text()


def test_who_waits_for_a_machine_has_used_nothing(plan: SweepPlan) -> None:
    class Queue(_Gpus):
        waiting: frozenset[str] = frozenset()

        def holds(self, unit: Unit) -> tuple[float, float]:
            return (0.0, 0.0) if unit.run_id in self.waiting else (1.0, 1.0)

        def poll(self, timeout: float) -> list[Outcome]:
            return []

    cluster, now = Cluster(plan), [0.0]
    cluster.command("8gpuh")  # so that it is known what runs take
    meter = cluster.meter(lambda: now[0])
    limit = BudgetLimit(parse_budget("100gpuh"), meter, 0.0, clock=lambda: now[0])
    before = meter.spent().gpu_seconds
    queue = Queue(2, cluster.run)
    unit = plan.task(plan.groups[0].config, 99, {"number": 0, "role": "published"})
    queue.waiting = frozenset({unit.run_id})
    executor = MeteredExecutor(queue, meter)
    executor.start(unit)
    promised = limit._promised("gpu_hours")
    now[0] = HOUR
    executor.poll(0)
    assert meter.spent().gpu_seconds == before
    assert limit._promised("gpu_hours") == promised > 0, "all of it is still to come"
    queue.waiting = frozenset()
    executor.poll(0)
    now[0] = 1.5 * HOUR
    assert meter.spent().gpu_seconds - before == HOUR / 2
    assert limit._promised("gpu_hours") < promised


def test_the_checkpoint_of_a_run_that_failed_takes_bytes(plan: SweepPlan) -> None:
    cluster = Cluster(plan, fail={1})
    unit = plan.tasks(plan.groups[0])[0]
    assert cluster.run(unit).kind == "failed"
    mine = Mine(cluster.store, plan.sweep_id)
    before = mine.bytes()
    cluster.store.put(f"checkpoints/{unit.run_id}/state.pt", b"x" * 1000)
    assert mine.bytes() == before + 1000


def test_a_failed_attempt_costs_its_time_whatever_the_clock_did() -> None:
    failed = RunRecord.model_validate(
        {
            "run_id": "a",
            "spec": {"config": ClassFrequencyConfig(), "dataset": "d", "fingerprint": "f", "protocol": "official:0"},
            "scale": {"name": "smoke"},
            "status": "failed",
            "cost": Cost(seconds=60.0),
            "provenance": Provenance(started=0.0, ended=24 * HOUR),
        }
    )
    assert Pricing(None, gpus_a_run=2.0).of_record(failed) == Spent(cpu_seconds=60.0, gpu_seconds=120.0)


def test_a_part_of_a_larger_command_has_what_that_has_left(plan: SweepPlan) -> None:
    cluster = Cluster(plan)
    _, larger = cluster.command("8gpuh")
    whole = larger.spent().gpu_seconds / HOUR
    part = Meter(Mine(cluster.store, "part"), clock=lambda: 0.0)
    for budget, is_spent in ((f"{whole + 1:.3f}gpuh", False), (f"{whole - 0.01:.3f}gpuh", True)):
        limit = BudgetLimit(parse_budget(budget), part, 0.0, clock=lambda: 0.0, beside=larger)
        assert bool(limit.reached(cluster.scheduler())) == is_spent


def test_table_s2s_rows_are_bound_by_the_budget_of_the_reproduction(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from fieldmark.search import sweep
    from fieldmark.search.options import SweepOptions
    from fieldmark.search.reproduce import priorsnet_rows
    from fieldmark.search.reproduce.options import ReproduceOptions

    asked: list[tuple[SweepOptions, object]] = []
    monkeypatch.setattr(priorsnet_rows, "_write_scores", lambda *_: None)
    monkeypatch.setattr(priorsnet_rows, "_resolution", lambda *_: 28)
    monkeypatch.setattr(sweep, "sweep_priorsnet", lambda options, larger: asked.append((options, larger)))
    options, larger = ReproduceOptions(what=("S2",), budget="2h,5cpuh", at_limit="stop"), SimpleNamespace()
    priorsnet_rows.sweep_rows(options, "world:small", None, None, "r", larger)
    ((given, by),) = asked
    assert (given.budget, given.at_limit, by) == ("2h,5cpuh", "stop", larger)
