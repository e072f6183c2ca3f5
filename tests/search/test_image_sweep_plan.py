"""What an image sweep is, before anything has been tried."""

import pytest

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, FrozenConfig
from fieldmark.errors import UserError
from fieldmark.search.image_sweep.build import build_plan
from fieldmark.search.image_sweep.objectives import pareto_front
from fieldmark.search.image_sweep.options import (
    FusionSweepOptions,
    ResolutionSweepOptions,
    image_sweep_options,
)
from fieldmark.search.image_sweep.plan import ImageSweepPlan
from fieldmark.testing.simulated_images import image_facts


def fusion_plan(**flags: object) -> ImageSweepPlan:
    return build_plan(image_sweep_options(FusionSweepOptions, **flags), image_facts())


def resolution_plan(**flags: object) -> ImageSweepPlan:
    return build_plan(image_sweep_options(ResolutionSweepOptions, **flags), image_facts())


def test_more_trials_seeds_workers_or_another_place_extend_the_same_sweep() -> None:
    more = fusion_plan(trials=99, seeds=5, max_concurrent=3, workers=2, store="elsewhere", budget="1h")
    assert more.sweep_id == fusion_plan().sweep_id


@pytest.mark.parametrize(
    "flags",
    [
        {"frozen": True},
        {"sampler": "random"},
        {"search_seed": 1},
        {"objectives": "accuracy,parameters"},
        {"scheduler": "asha"},
        {"warm_start": "d > 1"},
        {"epochs": 3},
        {"resolution": 48},
        {"backbone": "test_efficientnet"},
        {"changes": ("mixup=0",)},
        {"fusions": ("add_star", "concat_star")},
    ],
)
def test_what_changes_numbers_or_decisions_makes_another_sweep(flags: dict[str, object]) -> None:
    assert fusion_plan(**flags).sweep_id != fusion_plan().sweep_id


def test_the_two_sweeps_and_other_data_are_other_sweeps() -> None:
    ids = {fusion_plan().sweep_id, resolution_plan().sweep_id}
    other = build_plan(FusionSweepOptions(), image_facts(name="other"))
    assert len({*ids, other.sweep_id}) == 3


def test_the_published_fusions_come_first_at_their_own_settings() -> None:
    plan = fusion_plan()
    assert [group.config.fusion for group in plan.groups][:4] == [
        "image_only",
        "dynamic_mlp_a",
        "dynamic_mlp_b",
        "dynamic_mlp_c",
    ]
    assert {group.role for group in plan.groups} == {"published"}
    assert len({unit.run_id for group in plan.groups for unit in plan.units(group)}) == 13 * 2


def test_a_frozen_fusion_starts_from_the_image_only_model_of_its_own_seed() -> None:
    plan = fusion_plan(frozen=True)
    reference, *others = plan.groups
    assert (reference.role, reference.config.fusion) == ("baseline", "image_only")
    alone = {unit.task.spec.seed: unit.run_id for unit in plan.units(reference)}
    for group in others:
        assert isinstance(group.config, FrozenConfig)
        for start, unit in zip(*[iter(plan.units(group))] * 2, strict=True):
            assert start.run_id == unit.start == alone[unit.task.spec.seed]
            assert unit.task.spec.stages == {IMAGE_MODEL: start.run_id}


def test_the_flags_of_training_are_the_image_only_models_in_frozen_mode() -> None:
    plan = fusion_plan(frozen=True, epochs=2)
    assert plan.groups[0].config.epochs == 2
    assert plan.groups[1].config.epochs == 30


def test_geonet_looks_at_places_and_its_post_processing_starts_from_the_image_only_model() -> None:
    plan = fusion_plan(fusions=("geonet_post_add", "geonet_modulate_add", "add_star"))
    setting = plan.space.base.model_copy(update={"fusion": "geonet_post_add"})
    config = ClassifierConfig.model_validate({**setting.model_dump(), "fusion_settings": {}})
    group = plan.group(config, "search", 7, {}, {})
    assert group.config.date is False
    assert group.start == plan.groups[0].config
    assert plan.group(plan.space.published()[0], "search", 7, {}, {}).start is None


def test_each_resolution_has_its_views_and_an_image_only_reference() -> None:
    plan = resolution_plan()
    published = [group for group in plan.groups if group.role == "published"]
    assert [group.config.resolution for group in published] == [56, 96, 112]
    alone = [(group.config.backbone, group.config.resolution) for group in plan.groups if group.role == "baseline"]
    assert alone == [("test_resnet", 56), ("test_resnet", 96), ("test_resnet", 112), ("test_efficientnet", 56)]
    assert plan.units(published[0])[0].views == ("center:64", "center:96", "center:64+80+96")


def test_data_without_places_or_dates_have_no_fusions_to_sweep_but_resolutions() -> None:
    bare = image_facts(has_places=False, has_dates=False)
    with pytest.raises(UserError, match="no training record has a place or a date"):
        build_plan(FusionSweepOptions(), bare)
    plan = build_plan(ResolutionSweepOptions(), bare)
    assert {group.config.fusion for group in plan.groups} == {"image_only"}
    assert all(group.params for group in plan.groups if group.role == "published")


def test_dates_alone_leave_out_what_looks_at_places() -> None:
    plan = build_plan(FusionSweepOptions(), image_facts(has_places=False))
    assert plan.space.base.encoding == "none"
    assert not [name for name in plan.space.fusions if name.startswith("geonet")]


@pytest.mark.parametrize(
    ("kind", "flags", "named"),
    [
        (FusionSweepOptions, {"objectives": "parameters"}, "--objectives"),
        (FusionSweepOptions, {"objectives": "accuracy,accuracy"}, "--objectives"),
        (FusionSweepOptions, {"objectives": "accuracy,speed"}, "--objectives"),
        (FusionSweepOptions, {"sampler": "grid"}, "--sampler"),
        (FusionSweepOptions, {"seeds": 0}, "--seeds"),
        (FusionSweepOptions, {"frozen": True, "scheduler": "asha"}, "--scheduler"),
        (FusionSweepOptions, {"frozen": True, "workers": 2}, "--workers"),
        (FusionSweepOptions, {"executor": "local", "workers": 2}, "--workers"),
        (FusionSweepOptions, {"fusions": ("dynamic_mlp",)}, "Did you mean dynamic_mlp_"),
        (FusionSweepOptions, {"fusions": ("geonet_bayes",)}, "--fusion geonet_bayes"),
        (FusionSweepOptions, {"workers": 3}, "--workers 3"),
        (FusionSweepOptions, {"batch": 1024}, "--batch 1024"),
        (FusionSweepOptions, {"backbone": "resnet_smok"}, "backbone 'resnet_smok' is not known. Did you mean"),
        (ResolutionSweepOptions, {"backbones": ("test_resnet", "nope")}, "backbone 'nope' is not known"),
        (FusionSweepOptions, {"changes": ("colour=1",)}, "--change colour"),
        (ResolutionSweepOptions, {"fusion_settings": ("width=3",)}, "width"),
        (ResolutionSweepOptions, {"budget": "soon"}, "--budget"),
    ],
)
def test_mistakes_are_named_in_one_line(kind: type, flags: dict[str, object], named: str) -> None:
    with pytest.raises(UserError) as refused:
        build_plan(image_sweep_options(kind, **flags), image_facts())
    assert named in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["resnet18", "swin_smoke"])
def test_backbones_of_timm_and_our_own_are_planned(name: str) -> None:
    assert {group.config.backbone for group in resolution_plan(backbones=(name,)).groups} == {name}


def test_one_epoch_is_no_plural() -> None:
    assert fusion_plan(epochs=1, batch=640).described.endswith("; 1 epoch, 1 update")
    assert fusion_plan(epochs=2, batch=640).described.endswith("; 2 epochs, 2 updates")


def test_the_front_is_what_no_other_beats() -> None:
    values = [(0.6, 100.0), (0.7, 100.0), (0.7, 90.0), (0.5, 10.0), (0.5, 10.0), (0.4, 95.0), (0.9, 900.0)]
    assert pareto_front(values, ("accuracy", "parameters")) == [2, 3, 4, 6]
    assert pareto_front([(0.3,), (0.4,)], ("accuracy",)) == [1]
