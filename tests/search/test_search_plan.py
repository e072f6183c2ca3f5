"""Which runs a sweep has."""

from collections.abc import Callable

import pytest

from fieldmark.config import PriorsNetConfig
from fieldmark.errors import UserError
from fieldmark.search.facts import DataFacts
from fieldmark.search.options import sweep_options
from fieldmark.search.plan import SweepPlan
from fieldmark.search.stages.bounds import bound_configs
from fieldmark.search.stages.keys import IMAGE_STAGE
from search_spaces import priorsnet as space

Plan = Callable[..., SweepPlan]
Facts = Callable[..., DataFacts]


def published(plan: SweepPlan) -> dict[str, PriorsNetConfig]:
    configs = {}
    for group in plan.groups:
        for row in group.serves:
            assert isinstance(group.config, PriorsNetConfig)
            configs[row] = group.config
    return configs


def test_rows_with_the_same_numbers_on_balanced_data_are_run_once(plan_of: Plan) -> None:
    groups = [group for group in plan_of().groups if group.role == "published"]
    assert [list(group.serves) for group in groups] == [
        ["S2:1", "S2:4", "S2:7"],
        ["S2:2", "S2:5", "S2:8"],
        ["S2:3", "S2:6", "S2:9"],
    ]


def test_rows_differ_where_the_caps_bind(plan_of: Plan, facts_with: Facts) -> None:
    plan = plan_of(facts_with(largest_category=1000, category_size=50))
    assert len({config.config_id for config in published(plan).values()}) == 9


def test_the_starred_row_needs_a_superset(plan_of: Plan, facts_with: Facts) -> None:
    assert "S2:10" not in published(plan_of())
    plan = plan_of(facts_with(superset_fingerprint="g", superset_largest_category=250))
    (starred,) = [group for group in plan.groups if "S2:10" in group.serves]
    assert starred.config.train_on == "superset"
    assert not starred.params, "it stands apart from the search"
    assert plan.tasks(starred)[0].spec.stages["superset"] == "g"


def test_more_trials_and_seeds_extend_the_same_sweep(plan_of: Plan) -> None:
    assert plan_of(trials=1, seeds=1).sweep_id == plan_of(trials=90, seeds=5).sweep_id


def test_what_changes_the_answers_changes_the_sweep(plan_of: Plan, facts_with: Facts) -> None:
    plans = [
        plan_of(),
        plan_of(loss="sampled"),
        plan_of(sampler="random"),
        plan_of(search_seed=1),
        plan_of(objective="product_raw:mrr"),
        plan_of(vary=("width",)),
        plan_of(facts_with(fingerprint="other")),
        plan_of(facts_with(protocol="coordinate:0")),
    ]
    assert len({plan.sweep_id for plan in plans}) == len(plans)


def test_runs_of_two_sweeps_are_the_same_runs(plan_of: Plan) -> None:
    def ids(plan: SweepPlan) -> set[str]:
        return {task.run_id for group in plan.groups for task in plan.tasks(group)}

    assert ids(plan_of(search_seed=1)) == ids(plan_of(search_seed=2))


def test_without_dates_no_configuration_asks_for_them(plan_of: Plan, facts_with: Facts) -> None:
    plan = plan_of(facts_with().model_copy(update={"has_dates": False}))
    assert not any(config.date for config in published(plan).values())
    assert not plan.brought_to_data(PriorsNetConfig()).date


def test_a_sampled_sweep_runs_the_rows_sampled(plan_of: Plan) -> None:
    assert {config.loss for config in published(plan_of(loss="sampled")).values()} == {"sampled"}


def test_published_settings_lie_in_the_search_space() -> None:
    from fieldmark.search import study

    rows = [(row, config) for row, config in space.published() if config.train_on == "train"]
    assert len(rows) == 9
    for _, config in rows:
        params = space.parameters(config)
        assert study.fixed(params, space.suggest) is not None
        import optuna

        assert space.suggest(optuna.trial.FixedTrial(params)) == config


def test_early_stopping_is_refused_where_it_would_judge_another_score(plan_of: Plan) -> None:
    with pytest.raises(UserError, match="--objective product_raw:log_loss"):
        plan_of(scheduler="asha", objective="prior_calibrated:log_loss")


def test_sweeps_with_and_without_early_stopping_are_two(plan_of: Plan) -> None:
    assert plan_of(scheduler="asha").sweep_id != plan_of().sweep_id


def test_the_bound_sees_as_much_as_given_image_scores_were_made_from(plan_of: Plan) -> None:
    own, given = plan_of(), plan_of(image_scores="scores.npy", image_resolution=28)
    assert {config.resolution for config in bound_configs(own)} == {IMAGE_STAGE.resolution}
    assert {config.resolution for config in bound_configs(given)} == {28}
    assert (given.image_stage.backbone, given.image_stage.resolution) == ("given", 28)
    assert own.sweep_id == given.sweep_id, "it changes no run of the sweep; the scores themselves do, by their content"


def test_a_resolution_of_scores_that_are_not_given_is_refused() -> None:
    with pytest.raises(UserError, match="--image-resolution"):
        sweep_options(image_resolution=28)
