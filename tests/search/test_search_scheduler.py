"""What a scheduler hands out, in virtual time: once each, and alike whatever is killed."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.search import proposals
from fieldmark.search.drive import drive
from fieldmark.search.executors.simulated import SimulatedExecutor
from fieldmark.search.plan import SweepPlan
from fieldmark.search.proposals import Proposals
from fieldmark.search.scheduler import Scheduler
from fieldmark.search.tasks import Outcome
from fieldmark.search.under_way import RETRIES
from fieldmark.store.records import stopped_id
from search_spaces import priorsnet as space

Plan = Callable[..., SweepPlan]

# 3 published groups of 2 seeds, 1 baseline, 6 trials, 2 confirmations
FLAGS = {"trials": 6, "seeds": 2}
ALL = 3 * 2 + 1 + 6 + 2


def test_every_run_is_done_once(bench, plan_of: Plan) -> None:
    scheduler = bench.drive(plan_of(**FLAGS), workers=3)
    assert len(bench.done) == len(set(bench.done)) == ALL
    assert (scheduler.planned, scheduler.recorded, scheduler.done_before) == (ALL, ALL, 0)


def test_the_same_command_again_does_nothing(bench, plan_of: Plan) -> None:
    best = bench.drive(plan_of(**FLAGS)).best()
    scheduler = bench.drive(plan_of(**FLAGS))
    assert len(bench.done) == ALL
    assert (scheduler.done_before, len(scheduler.new_runs)) == (ALL, 0)
    assert scheduler.best() == best


@settings(max_examples=20, deadline=None)
@given(kills=st.lists(st.integers(1, 5), max_size=6))
def test_a_killed_sweep_ends_like_an_unbroken_one(kills: list[int], new_bench, plan_of: Plan) -> None:
    unbroken, broken = new_bench(), new_bench()
    unbroken.drive(plan_of(**FLAGS))
    for after in kills:
        broken.drive(plan_of(**FLAGS), kill_after=after)
    broken.drive(plan_of(**FLAGS))
    assert broken.done == unbroken.done


@settings(max_examples=15, deadline=None)
@given(kills=st.lists(st.integers(1, 5), max_size=6), workers=st.integers(1, 8))
def test_whatever_is_killed_every_run_is_recorded_once(
    kills: list[int], workers: int, new_bench, plan_of: Plan
) -> None:
    bench = new_bench()
    plan = plan_of(**FLAGS)
    for after in kills:
        bench.drive(plan, workers=workers, kill_after=after)
    scheduler = bench.drive(plan, workers=workers)
    assert max(Counter(bench.done).values()) == 1
    assert set(bench.done) == set(bench.store.runs(["run_id"])["run_id"].to_pylist())
    assert Counter(one.state for one in scheduler.told()) == {"complete": 9 + 6}  # nine rows share three groups
    assert scheduler.recorded == scheduler.planned


def test_more_trials_go_on_from_those_that_were(bench, plan_of: Plan) -> None:
    bench.drive(plan_of(trials=3, seeds=2))
    small = list(bench.done)
    bench.drive(plan_of(trials=6, seeds=2))
    fresh = bench.done[len(small) :]
    assert not set(small) & set(fresh)
    proposals = Proposals(bench.store, plan_of(**FLAGS).sweep_id)
    assert [proposal.k for proposal in proposals] == list(range(6))


def test_more_seeds_add_only_the_new_ones(bench, plan_of: Plan) -> None:
    bench.drive(plan_of(trials=0, seeds=2))
    scheduler = bench.drive(plan_of(trials=0, seeds=3))
    assert len(scheduler.new_runs) == 3 + 3  # a third seed of each row; the best may be another one now
    assert scheduler.recorded == scheduler.planned


def test_fewer_trials_leave_the_others_in_the_study(bench, plan_of: Plan) -> None:
    bench.drive(plan_of(**FLAGS))
    scheduler = bench.drive(plan_of(trials=1, seeds=2))
    assert not scheduler.new_runs
    assert len(scheduler.told()) == 9 + 6


def test_optuna_is_asked_only_when_the_published_rows_are_under_way(bench, plan_of: Plan) -> None:
    bench.drive(plan_of(**FLAGS))
    roles = [bench.store.run(run_id).trial.role for run_id in bench.done]
    assert roles == ["published"] * 6 + ["baseline"] + ["search"] * 6 + ["confirmation"] * 2


def test_the_best_is_repeated_on_fresh_seeds(bench, plan_of: Plan) -> None:
    scheduler = bench.drive(plan_of(**FLAGS))
    best = scheduler.best()
    assert best is not None
    confirmed = [bench.store.run(run_id) for run_id in bench.done[-2:]]
    assert {record.spec.config.config_id for record in confirmed} == {best.name}
    assert {record.spec.seed for record in confirmed} == {1000, 1001}


def test_a_sampled_search_repeats_its_best_once_exactly(bench, plan_of: Plan) -> None:
    bench.drive(plan_of(loss="sampled", **FLAGS))
    last = [bench.store.run(run_id).spec.config for run_id in bench.done[-3:]]
    assert [config.loss for config in last] == ["sampled", "sampled", "exact"]
    assert last[2].lr == last[0].lr


def test_lost_workers_are_replaced(bench, plan_of: Plan) -> None:
    bench.lose = {0, 1, 7}
    scheduler = bench.drive(plan_of(**FLAGS))
    assert scheduler.recorded == ALL
    assert not scheduler.failures
    assert len(scheduler.retried) == len(bench.lose), "and each loss is told"


def test_a_run_that_loses_every_worker_is_given_up_and_tried_by_the_next_command(bench, plan_of: Plan) -> None:
    bench.lose = set(range(RETRIES + 1))
    scheduler = bench.drive(plan_of(**FLAGS))
    assert len(scheduler.failures) == 1
    assert "lost" in scheduler.failures[0].message
    assert bench.drive(plan_of(**FLAGS)).new_runs[0] == scheduler.failures[0].task.run_id


def test_a_process_that_could_not_begin_is_no_loss_of_the_run(bench, plan_of: Plan) -> None:
    scheduler = bench.scheduler(plan_of(**FLAGS))
    for _ in range(10 * RETRIES):
        unit = scheduler.next()
        scheduler.tell(Outcome(run_id=unit.run_id, kind="not_begun", message="node a does not share the store"))
    assert not scheduler.failures
    assert scheduler.next().run_id == unit.run_id, "it is still the first in line"


def test_a_run_that_came_further_before_each_loss_is_not_given_up(bench, plan_of: Plan) -> None:
    scheduler = bench.scheduler(plan_of(**FLAGS))
    for epoch in range(1, 8):
        unit = scheduler.next()
        scheduler.tell(Outcome(run_id=unit.run_id, kind="lost", epoch=epoch))
    assert not scheduler.failures, "spot machines are taken away again and again"
    for _ in range(RETRIES):
        assert scheduler.next().run_id == unit.run_id
        scheduler.tell(Outcome(run_id=unit.run_id, kind="lost", epoch=epoch))
    assert [one.task.run_id for one in scheduler.failures] == [unit.run_id], "now it gets no further"


def test_any_number_of_proposals_that_are_recorded_is_passed_over(bench, plan_of: Plan) -> None:
    scheduler = bench.scheduler(plan_of(trials=1500, seeds=1, sampler="random"))
    told = scheduler.next()
    scheduler.tell(bench.run(told))
    known = scheduler._ledger.get(told.run_id)
    scheduler._queue.clear()
    scheduler._ledger.look_again = lambda run_id: known  # as another sweep on the same data has recorded them
    assert scheduler.next() is None or scheduler._confirming
    assert scheduler.done_before >= 1500


def test_a_finished_sweep_is_not_cut_by_its_budget(bench, plan_of: Plan) -> None:
    class Spent:
        stops = False

        def reached(self, scheduler: object) -> str:
            return "the budget of 1cpuh is spent"

        def refuses(self, unit: object) -> str:
            return ""

    def again() -> Scheduler:
        scheduler = bench.scheduler(plan_of(**FLAGS))
        drive(scheduler, SimulatedExecutor(2, bench.run), lambda *_: None, limit=Spent())
        return scheduler

    begun = again()
    assert (begun.closed, begun.recorded) == ("the budget of 1cpuh is spent", 0)
    assert begun.next() is None
    bench.drive(plan_of(**FLAGS))
    ended = again()
    assert (ended.closed, ended.recorded) == ("", ended.planned)


def test_a_run_that_raises_is_not_tried_again_by_this_command(bench, plan_of: Plan) -> None:
    bench.fail = {8}  # the second trial
    scheduler = bench.drive(plan_of(**FLAGS))
    assert bench.attempts == ALL
    assert [one.state for one in scheduler.told()].count("failed") == 1
    assert not bench.drive(plan_of(**FLAGS)).failures


def test_nothing_starts_after_the_budget(bench, plan_of: Plan) -> None:
    scheduler = bench.scheduler(plan_of(**FLAGS))
    task = scheduler.next()
    assert task is not None
    scheduler.close("enough")
    assert scheduler.next() is None
    scheduler.tell(bench.run(task))
    assert scheduler.recorded == 1


def test_a_space_with_nothing_new_ends_the_search(bench, plan_of: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "LR", (5e-4, 5e-4))
    monkeypatch.setattr(space, "BATCHES", (1024, 2048))
    monkeypatch.setattr(proposals, "MOST_REPEATS", 40)
    scheduler = bench.drive(plan_of(trials=50, seeds=1))
    repeats = [one for one in scheduler.told() if one.attributes.get("repeats")]
    assert len(bench.done) == len(set(bench.done)) < 50
    assert all(one.state == "complete" and one.values for one in repeats), "told the known value"
    asked = len(scheduler.told())
    assert len(bench.drive(plan_of(trials=50, seeds=1)).told()) == asked, "and it is not asked again"


def test_a_retracted_run_is_neither_run_again_nor_learned_from(bench, plan_of: Plan) -> None:
    bench.drive(plan_of(**FLAGS))
    searched = next(run for run in bench.done if bench.store.run(run).trial.role == "search")
    bench.store.retract(searched, "a mistake")
    scheduler = bench.drive(plan_of(**FLAGS))
    assert searched not in scheduler.new_runs
    assert Counter(one.state for one in scheduler.told()) == {"complete": 9 + 5, "failed": 1}, "it runs no more"


def test_a_run_that_was_stopped_early_is_whole_in_a_sweep_without_early_stopping(bench, plan_of: Plan) -> None:
    with_stops = plan_of(trials=1, seeds=1, scheduler="asha")
    without = plan_of(trials=1, seeds=1)
    task = next(iter(with_stops.tasks(with_stops.groups[0])))
    stump = bench.record(task).model_copy(
        update={"run_id": stopped_id(task.run_id, with_stops.sweep_id), "status": "stopped", "metrics": {"top1": 0.1}}
    )
    bench.store.commit_run(stump)
    assert bench.scheduler(with_stops).done_before == 1
    bench.drive(without)
    assert task.run_id in bench.done


def test_nsga_ii_leaves_its_first_generation(bench, plan_of: Plan) -> None:
    plan = plan_of(trials=54, seeds=1, sampler="nsgaii")
    bench.drive(plan)
    generations = [next(iter(one.noted.values())) for one in Proposals(bench.store, plan.sweep_id)]
    assert generations[0] == 0 and generations[-1] == 1, "50 settings make a generation"
