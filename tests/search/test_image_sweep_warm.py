"""What a sweep is told of from other stored runs."""

import pytest

from fieldmark.errors import UserError
from fieldmark.search.image_sweep.build import build_plan
from fieldmark.search.image_sweep.condition import matching
from fieldmark.search.image_sweep.dryrun import image_dry_run
from fieldmark.search.image_sweep.options import FusionSweepOptions, ResolutionSweepOptions
from fieldmark.search.image_sweep.plan import ImageSweepPlan
from fieldmark.search.image_sweep.warm import find, warm_start
from fieldmark.store import Store
from fieldmark.testing.simulated_images import SimulatedImages, image_facts

FUSIONS = ("dynamic_mlp_c", "add_star")


def fusion_plan(**flags: object) -> ImageSweepPlan:
    return build_plan(FusionSweepOptions(fusions=FUSIONS, trials=3, seeds=2).model_copy(update=flags), image_facts())


@pytest.fixture(scope="module")
def bench() -> SimulatedImages:
    """A store with a random search."""
    bench = SimulatedImages()
    bench.drive(fusion_plan(sampler="random", trials=6))
    return bench


def test_the_sampler_knows_the_means_of_what_fits(bench: SimulatedImages) -> None:
    plan = fusion_plan(search_seed=5, warm_start="role == 'search'")
    warm = warm_start(bench.store, plan)
    assert len(warm.groups) == 6 and warm.outside == 0
    for one in warm.groups:
        runs = [bench.store.run(run) for run in one.run_ids]
        assert {run.spec.seed for run in runs} >= {0, 1}
        assert one.params == runs[0].trial.params
        assert one.values == (pytest.approx(sum(run.metrics["top1"] for run in runs) / len(runs)),)
    assert len(bench.scheduler(plan).told()) == 6 + 2  # and the published ones, which this sweep finds recorded
    assert "6 settings of" in warm.note


def test_what_it_was_told_stays_whatever_is_recorded_beside_it(bench: SimulatedImages) -> None:
    plan = fusion_plan(search_seed=6, warm_start="lr < 1")
    before = warm_start(bench.store, plan)
    bench.drive(fusion_plan(sampler="random", search_seed=9, trials=1))
    assert warm_start(bench.store, plan) == before
    assert len(find(bench.store, plan, "lr < 1").groups) > len(before.groups)


@pytest.mark.parametrize(
    ("condition", "fusions"),
    [
        ("fusion == 'dynamic_mlp_c' and resolution <= 64", {"dynamic_mlp_c"}),
        ("fusion in ['add_star', 'concat_star'] and d >= 32", {"add_star"}),
        ("seed == 0 & role == 'published'", {"dynamic_mlp_c", "add_star"}),
        ("h > 0", {"dynamic_mlp_c"}),
        ("resolution > 64", set()),
    ],
)
def test_a_condition_is_on_the_columns_of_the_store(condition: str, fusions: set[str], bench: SimulatedImages) -> None:
    found = {bench.store.run(run).spec.config.fusion for run in matching(bench.store, fusion_plan(), condition)}
    assert found == fusions


def test_what_lies_outside_the_space_is_counted(bench: SimulatedImages) -> None:
    plan = build_plan(ResolutionSweepOptions(seeds=1, backbones=("test_efficientnet",)), image_facts())
    warm = find(bench.store, plan, "fusion == 'add_star'")
    runs = matching(bench.store, plan, "fusion == 'add_star'")
    assert warm.groups == () and warm.outside == len(runs) > 0
    assert f"{len(runs)} more fit the condition" in warm.note


def test_runs_of_the_plan_itself_are_not_told_twice(bench: SimulatedImages) -> None:
    plan = fusion_plan(search_seed=7, warm_start="fusion == 'add_star'")
    own = {plan.unit(group, seed).run_id for group in plan.groups for seed in group.seeds}
    told = {run for group in warm_start(bench.store, plan).groups for run in group.run_ids}
    assert told and not own & told


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ("fusoin == 'add_star'", "there is no column fusoin; did you mean fusion?"),
        ("fusion ==", "--warm-start 'fusion =='"),
        ("lr + 1", "is no condition"),
        ("@__import__('os').getcwd() == ''", "--warm-start"),
        ("resolution > 4000", "no completed run on small"),
        ("fusion > 3", "--warm-start"),
    ],
)
def test_a_bad_condition_is_one_line(condition: str, named: str, bench: SimulatedImages) -> None:
    with pytest.raises(UserError) as refused:
        warm_start(bench.store, fusion_plan(warm_start=condition))
    assert named in str(refused.value) and "\n" not in str(refused.value)


MISTAKES = [
    ("fusion ==", "invalid syntax (expected a condition such as"),
    ("nocolumn == 3", "there is no column nocolumn"),
    ("resolutoin <= 64", "did you mean resolution?"),
    ("fusion == add_star", "a value such as 'add_star' needs quotes"),
    ("lr + 1", "is no condition"),
]


@pytest.mark.parametrize(("condition", "named"), MISTAKES)
def test_a_mistake_is_named_where_nothing_is_stored_yet(condition: str, named: str) -> None:
    with pytest.raises(UserError) as refused:
        warm_start(Store.open("memory://"), fusion_plan(warm_start=condition))
    assert named in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(("condition", "named"), MISTAKES)
@pytest.mark.parametrize("stored", [True, False])
def test_a_dry_run_refuses_what_the_run_would(stored: bool, condition: str, named: str, bench: SimulatedImages) -> None:
    options = FusionSweepOptions(warm_start=condition)
    with pytest.raises(UserError) as refused:
        image_dry_run(fusion_plan(warm_start=condition), options, bench.store if stored else None)
    assert named in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("lr < 1 and role == 'search'", "12 stored runs fit"),
        ("d > 1 and role == 'search' and number == 3", "2 stored runs fit"),
        ("fusion.str.startswith('z')", "no stored run fits"),
        ("date and not decay_all and h > 1 and fusion in ['nope']", "no stored run fits"),
    ],
)
def test_a_dry_run_says_how_many_runs_fit(condition: str, said: str) -> None:
    bench = SimulatedImages()
    bench.drive(fusion_plan(sampler="random", trials=6))
    plan, options = fusion_plan(search_seed=5, warm_start=condition), FusionSweepOptions(warm_start=condition)
    before = bench.store.list("")
    assert said in image_dry_run(plan, options, bench.store).notes[-1]
    assert bench.store.list("") == before
    assert "no stored run fits" in image_dry_run(plan, options, None).notes[-1]


def test_a_dry_run_of_a_sweep_that_has_begun_says_what_it_was_told(bench: SimulatedImages) -> None:
    plan = fusion_plan(search_seed=11, warm_start="lr < 1")
    told = warm_start(bench.store, plan)
    assert image_dry_run(plan, FusionSweepOptions(warm_start="lr < 1"), bench.store).notes[-1] == told.note


def test_one_setting_of_one_run_is_no_plural(bench: SimulatedImages) -> None:
    plan = fusion_plan(search_seed=5)
    warm = find(bench.store, plan, "role == 'search' and number == 4 and seed == 0")
    assert warm.note == "warm start: the sampler knows 1 setting of 1 stored run"


def test_frozen_runs_and_whole_ones_are_not_told_to_each_other(bench: SimulatedImages) -> None:
    frozen = fusion_plan(frozen=True, warm_start="lr < 1")
    with pytest.raises(UserError, match="no completed run"):
        warm_start(bench.store, frozen)


def test_frozen_runs_on_another_image_model_are_no_seeds_of_a_setting() -> None:
    bench = SimulatedImages()
    ours, others = (fusion_plan(frozen=True, trials=0, **changes) for changes in ({}, {"epochs": 3}))
    for plan in (ours, others):
        bench.drive(plan)
    groups = [group for group in ours.groups if group.role == "published"]
    assert [group.name for group in groups] == [group.name for group in others.groups if group.role == "published"]
    warm = find(bench.store, fusion_plan(frozen=True, trials=0, seeds=1, search_seed=3), "role == 'published'")
    assert {one.run_ids for one in warm.groups} == {(ours.unit(group, 1).run_id,) for group in groups}
    assert warm.outside == 4 and "start from another image-only model" in warm.note
