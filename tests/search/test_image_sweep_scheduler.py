"""What an image sweep hands out, in virtual time: once each, and alike whatever is killed."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.config import ClassifierConfig, FrozenConfig
from fieldmark.search import study
from fieldmark.search.image_sweep.build import build_plan
from fieldmark.search.image_sweep.dryrun import image_dry_run
from fieldmark.search.image_sweep.objectives import pareto_front
from fieldmark.search.image_sweep.options import FusionSweepOptions, ResolutionSweepOptions
from fieldmark.search.image_sweep.plan import ImageSweepPlan
from fieldmark.search.image_sweep.stored import stored_plan
from fieldmark.search.under_way import RETRIES
from fieldmark.testing.simulated_images import EPOCHS, SimulatedImages, image_facts, luck, size_of

FUSIONS = ("image_only", "dynamic_mlp_c", "add_star")
SMALL = FusionSweepOptions(fusions=FUSIONS, trials=4, seeds=2, epochs=EPOCHS)
ALL = 3 * 2 + 4 * 2 + 2
FROZEN = SMALL.model_copy(update={"fusions": FUSIONS[1:], "frozen": True})
"""Its image-only model is trained on every seed, the confirmation's, too."""
RESOLUTION = ResolutionSweepOptions(trials=4, seeds=2)
SWEEPS = {"fusion": (SMALL, ALL), "frozen": (FROZEN, 2 + 4 + 8 + 4), "resolution": (RESOLUTION, 8 + 6 + 8 + 2)}


def plan_of(options: FusionSweepOptions | ResolutionSweepOptions, **flags: object) -> ImageSweepPlan:
    return build_plan(options.model_copy(update=flags), image_facts())


@pytest.mark.parametrize("name", SWEEPS)
def test_every_run_is_done_once_and_the_same_command_again_does_nothing(name: str) -> None:
    options, count = SWEEPS[name]
    bench, plan = SimulatedImages(), plan_of(options)
    first = bench.drive(plan, workers=3)
    assert len(bench.done) == len(set(bench.done)) == count
    assert (first.planned, first.recorded, first.done_before) == (count, count, 0)
    again = bench.drive(plan)
    assert (again.done_before, again.new_runs, again.planned) == (count, [], count)
    assert again.best() == first.best()


@pytest.mark.parametrize("name", SWEEPS)
@settings(max_examples=6, deadline=None)
@given(kills=st.lists(st.integers(1, 5), max_size=5), early=st.booleans())
def test_a_killed_sweep_ends_like_an_unbroken_one(name: str, kills: list[int], early: bool) -> None:
    options, _ = SWEEPS[name]
    scheduler = "asha" if early and name != "frozen" else "none"
    plan = plan_of(options, scheduler=scheduler)
    unbroken, broken = SimulatedImages(), SimulatedImages()
    unbroken.drive(plan)
    for after in kills:
        broken.drive(plan, kill_after=after)
    broken.drive(plan)
    assert broken.done == unbroken.done


@settings(max_examples=8, deadline=None)
@given(kills=st.lists(st.integers(1, 5), max_size=5), workers=st.integers(2, 6))
def test_whatever_is_killed_every_run_is_recorded_once(kills: list[int], workers: int) -> None:
    bench, plan = SimulatedImages(), plan_of(SMALL, scheduler="asha")
    for after in kills:
        bench.drive(plan, workers=workers, kill_after=after)
    scheduler = bench.drive(plan, workers=workers)
    assert max(Counter(bench.done).values()) == 1
    assert scheduler.recorded == scheduler.planned
    assert Counter(one.state for one in scheduler.told()).keys() <= {"complete", "pruned"}


def test_the_order_is_references_published_by_seed_trials_confirmation() -> None:
    bench = SimulatedImages()
    bench.drive(plan_of(RESOLUTION))
    tasks = [bench.units[run].task for run in bench.done]
    assert [task.trial.role for task in tasks] == (
        ["baseline"] * 8 + ["published"] * 6 + ["search"] * 8 + ["confirmation"] * 2
    )
    published = [task.spec.seed for task in tasks if task.trial.role == "published"]
    assert published == [0, 0, 0, 1, 1, 1]
    assert [task.spec.seed for task in tasks[-2:]] == [1000, 1001]


def test_a_frozen_fusion_waits_for_its_image_only_model_however_many_workers_there_are() -> None:
    bench = SimulatedImages()
    bench.drive(plan_of(FROZEN), workers=8)  # the bench asserts it
    methods = Counter(bench.units[run].task.spec.config.method for run in bench.done)
    assert methods == {"classifier": 4, "frozen": 14}


def test_a_stopped_trial_is_pruned_and_gets_no_other_seed_published_ones_always_do() -> None:
    plan = plan_of(SMALL, scheduler="asha", trials=9)
    bench = SimulatedImages()
    scheduler = bench.drive(plan)
    seeds = Counter(bench.units[run].task.trial.group for run in bench.done)
    states = {group.name: scheduler.stands(group).state for group in scheduler.groups() if group.role == "search"}
    assert set(states.values()) == {"pruned", "complete"}
    best = scheduler.best()
    assert best is not None
    for name, state in states.items():
        again = 2 if name == best.name else 0
        assert seeds[name] == (1 if state == "pruned" else 2 + again)
    for group in plan.groups:
        assert scheduler.stands(group).state == "complete"
        assert not any(plan.unit(group, seed).task.early_stopping for seed in group.seeds)
    told = [one for one in scheduler.told() if one.state == "pruned"]
    assert all(len(one.values) == 1 and one.epochs == 3 for one in told)
    statuses = Counter(bench.store.runs(["status"])["status"].to_pylist())
    assert statuses["stopped"] == len(told)


def test_the_study_is_told_a_trials_mean_once_all_its_seeds_are_there() -> None:
    bench, plan = SimulatedImages(), plan_of(SMALL)
    scheduler = bench.drive(plan, kill_after=3 + 1)  # of the published ones only the first has both seeds
    told = scheduler.told()
    assert len(told) == 1
    runs = [bench.store.run(plan.unit(plan.groups[0], seed).run_id).metrics["top1"] for seed in (0, 1)]
    assert told[0].values == (pytest.approx(sum(runs) / 2),)


def test_more_trials_and_seeds_add_only_what_is_new() -> None:
    bench = SimulatedImages()
    bench.drive(plan_of(SMALL))
    small = set(bench.done)
    more = bench.drive(plan_of(SMALL, trials=6, seeds=3))
    assert not small & set(more.new_runs)
    assert len(set(bench.done)) == len(bench.done)
    assert more.recorded == more.planned
    fewer = bench.drive(plan_of(SMALL, trials=1))
    assert set(fewer.new_runs) <= {unit.run_id for group in fewer.confirmations() for unit in fewer.plan.units(group)}


def test_lost_workers_are_replaced_and_given_up_at_last() -> None:
    bench, plan = SimulatedImages(), plan_of(SMALL)
    bench.lose = {0, 1, 9}
    assert not bench.drive(plan).failures
    assert len(bench.done) == ALL
    bench = SimulatedImages()
    bench.lose = set(range(RETRIES + 1))
    scheduler = bench.drive(plan)
    assert len(scheduler.failures) == 1 and "lost" in scheduler.failures[0].message
    assert bench.drive(plan).new_runs[0] == scheduler.failures[0].task.run_id


def test_what_starts_from_a_failed_run_fails_with_it_and_the_next_command_tries_both() -> None:
    bench, plan = SimulatedImages(), plan_of(FROZEN, trials=2)
    bench.fail = lambda unit: unit.start is None and unit.task.spec.seed == 1
    scheduler = bench.drive(plan)
    assert {failure.task.spec.seed for failure in scheduler.failures} == {1}
    assert len(scheduler.failures) == 1 + 2 + 2
    assert scheduler.best() is None and scheduler.told()[-1].state == "failed"
    bench.fail = lambda _: False
    whole = bench.drive(plan)
    assert not whole.failures and whole.recorded == whole.planned


def test_a_retracted_run_is_not_learned_from_and_not_run_again() -> None:
    bench, plan = SimulatedImages(), plan_of(SMALL)
    bench.drive(plan)
    searched = next(run for run in bench.done if bench.units[run].task.trial.role == "search")
    bench.store.retract(searched, "a mistake")
    scheduler = bench.drive(plan)
    assert searched not in scheduler.new_runs
    assert Counter(one.state for one in scheduler.told())["failed"] == 1


def test_a_run_that_another_sweep_recorded_is_taken_over() -> None:
    published = {group.name for group in plan_of(SMALL).groups if group.role == "published"}
    bench = SimulatedImages(lambda config, seed: luck(config, seed) + (config.config_id in published))
    bench.drive(plan_of(SMALL))
    other = bench.drive(plan_of(SMALL, search_seed=1))
    assert other.done_before == 6 + 2  # the published ones, and the best one, which is the same, on fresh seeds
    stored = stored_plan(other.plan, other, ())
    assert all(bench.store.has_run(run) for group in stored["groups"] for run in group["run_ids"])


def by_width(config: ClassifierConfig | FrozenConfig, seed: int) -> float:
    """Wider is better, and more so for the Dynamic MLP."""
    slope = 0.004 if config.fusion == "dynamic_mlp_c" else 0.002
    return 0.3 + slope * int(config.fusion_settings.get("d", 0))


@pytest.mark.parametrize("sampler", ["tpe", "random", "gp", "nsgaii"])
def test_a_search_for_accuracy_and_size_knows_the_front(sampler: str) -> None:
    plan = plan_of(SMALL, objectives="accuracy,parameters", sampler=sampler, trials=6, scheduler="asha")
    bench = SimulatedImages(by_width)
    scheduler = bench.drive(plan)
    complete = [one for one in scheduler.told() if one.state == "complete"]
    for one in complete:
        width = one.params.get("d", 0)
        assert one.values[1] == 1000 + width**2
    optunas = {trial.values[0] for trial in study.make_study(scheduler.told(), plan.directions).best_trials}
    values = [one.values for one in complete]
    ours = {values[place][0] for place in pareto_front(values, plan.objectives)}
    assert ours == optunas
    best = scheduler.best()
    assert best is not None and best.config.fusion == "dynamic_mlp_c"
    assert size_of(best.config) == max(value[1] for value in values)


def test_the_best_by_accuracy_is_confirmed() -> None:
    scheduler = SimulatedImages(by_width).drive(plan_of(SMALL))
    best, confirmed = scheduler.best(), scheduler.groups()[-1]
    assert best is not None
    assert (confirmed.role, confirmed.name, confirmed.seeds) == ("confirmation", best.name, (1000, 1001))


def test_nothing_starts_after_the_budget() -> None:
    bench, plan = SimulatedImages(), plan_of(SMALL)
    scheduler = bench.scheduler(plan)
    unit = scheduler.next()
    assert unit is not None
    scheduler.close("enough")
    assert scheduler.next() is None
    scheduler.tell(bench.do(unit))
    assert scheduler.recorded == 1


def test_a_dry_run_counts_what_is_done_and_prices_what_is_left() -> None:
    bench, plan = SimulatedImages(), plan_of(SMALL)
    empty = image_dry_run(plan, SMALL, bench.store)
    assert (empty.runs, empty.done, empty.cpu_seconds) == (ALL, 0, None)
    bench.store.put_card(plan.facts.card)
    bench.drive(plan, kill_after=3)
    started = image_dry_run(plan, SMALL, bench.store)
    assert (started.runs, started.done) == (ALL, 3)
    assert started.cpu_seconds == pytest.approx((ALL - 3) * 10.0)
    bench.drive(plan)
    over = image_dry_run(plan, SMALL, bench.store)
    assert (over.runs, over.done, over.cpu_seconds) == (ALL, ALL, 0)
    assert "recorded already" in over.text()


def test_any_number_of_proposals_that_are_recorded_is_passed_over() -> None:
    scheduler = SimulatedImages().scheduler(plan_of(SMALL, trials=1500, sampler="random"))
    scheduler._queue.clear()
    scheduler._add_trial = lambda group: None  # as another sweep on the same data has recorded them
    scheduler._running["r"] = None
    assert scheduler.next() is None
