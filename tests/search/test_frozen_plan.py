"""`--frozen`: which runs it stands for, and that what changes nothing names nothing."""

import pytest

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, FrozenConfig, Fusions, Recipes, RunSpec, Scale
from fieldmark.config.canonical import on_features
from fieldmark.errors import UserError
from fieldmark.search.training.dryrun import train_dry_run
from fieldmark.search.training.facts import TrainFacts
from fieldmark.search.training.feature_stage import stage_key
from fieldmark.search.training.options import train_options
from fieldmark.search.training.plan import build_plan
from fieldmark.store import Cost, DatasetCard, RunRecord, Store

COUNTS = {"train": 3000, "tune": 50, "test": 60}
CARD = {"name": "small", "spec": "world", "fingerprint": "f", "protocol": "official:0", "categories": 10}
SIZES = {"counts": COUNTS, "largest_category": 50, "category_size": 50, "has_images": True}
FACTS = TrainFacts(card=DatasetCard(**CARD, **SIZES), has_places=True, has_dates=True, is_world=True)


def plan(known=None, *, facts=None, **flags):
    return build_plan(train_options(frozen=True, **flags), FACTS.model_copy(update=facts or {}), known)


def whole(**flags):
    return build_plan(train_options(**flags), FACTS, None)


def start():
    """Returns a store with an image-only run, and that run's id."""
    config = ClassifierConfig(fusion="image_only", backbone="test_resnet", resolution=64)
    spec = RunSpec(config=config, dataset="small", fingerprint="f", protocol="official:0", seed=7)
    store = Store.open("memory://")
    store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=Scale(name="smoke"), status="completed"))
    return store, spec.run_id


def test_the_image_only_run_is_trained_first_and_is_that_of_any_training():
    found = plan(reference=False)
    assert found.runs == (found.reference, found.main) and found.start == found.reference.run_id
    assert found.main.spec.stages == {IMAGE_MODEL: found.start}
    assert found.start == whole(fusion="image_only").main.run_id == whole().reference.run_id
    assert isinstance(found.config, FrozenConfig) and found.config.views == 4 and found.main.objective.score == "joint"
    assert found.main.run_id != whole().main.run_id and any("by recipe smoke" in note for note in found.notes)
    for fusion in ("concat_net", "geonet_post_add"):
        assert plan(fusion=fusion).start == found.start
    assert [one.spec.config.information for one in found.bounds] == ["image", "image+place+date"]


def test_the_fusions_recipe_is_its_own():
    config, recipe = plan().config, Recipes.NAMES["frozen"]
    assert all(getattr(config, name) == getattr(recipe, name) for name in type(recipe).model_fields)
    changed = plan(lr=0.5, epochs=3, batch=32, changes=("crop_area=[0.5,1.0]",))
    alone = changed.reference.spec.config
    assert (changed.config.lr, changed.config.epochs, changed.config.crop_area) == (0.5, 3, (0.5, 1.0))
    assert (changed.config.batch, changed.config.bn_batch, changed.config.mixup_group) == (32, 32, 32)
    assert (alone.lr, alone.epochs, alone.batch) == (Recipes.NAMES["smoke"].lr, 3, 32) and alone.crop_area == (0.7, 1)


def test_a_named_run_is_started_from_and_compared_with():
    store, alone = start()
    found = plan(store, start_from=alone)
    assert (found.start, found.reference.run_id, found.runs) == (alone, alone, (found.main,))
    assert found.main.spec.stages == {IMAGE_MODEL: alone}


def test_what_changes_nothing_on_features_names_nothing(tmp_path):
    file = tmp_path / "weights"
    file.write_bytes(b"any")
    store, alone = start()
    first = plan(store, start_from=alone)
    same = (
        {"changes": ("drop_path=0.3",)},
        {"bn_batch": 32},
        {"weights_file": str(file)},
        {"changes": ("mixup_group=64", "picture_side=70")},
        {"store": "other", "threads": 2, "compile": True},
    )
    for flags in same:
        assert plan(store, start_from=alone, **flags).main.run_id == first.main.run_id, flags
    other = (
        {"frozen_views": 2},
        {"lr": 0.1},
        {"seed": 1},
        {"changes": ("flip=0",)},
        {"fusion_settings": ("d=8",)},
        {"precision": "bfloat16"},
        {"resolution": 48},
        {"start_from": None},
    )
    ids = {plan(store, **({"start_from": alone} | flags)).main.run_id for flags in other}
    assert len(ids | {first.main.run_id}) == len(other) + 1


@pytest.mark.parametrize("fusion", sorted(Fusions.untrained))
def test_a_fusion_without_training_has_one_name_for_every_recipe_and_shares_the_stage(fusion):
    store, alone = start()
    first = plan(store, fusion=fusion, start_from=alone)
    for flags in ({"seed": 3}, {"epochs": 3, "lr": 0.1, "batch": 64}, {"changes": ("date=true", "encoding=sphere")}):
        assert plan(store, fusion=fusion, start_from=alone, **flags).main.run_id == first.main.run_id, flags
    assert stage_key(first.main) == stage_key(plan(store, start_from=alone).main)


def test_the_frozen_form_is_a_fixed_point():
    for fusion in Fusions.names():
        config = ClassifierConfig(fusion=fusion, mixup=0.0, drop_path=0.2, weights="timm:a.b")
        found = on_features(config, 3)
        assert on_features(found.classifier, 3) == found and (found.weights, found.drop_path) == ("none", 0.0)
    with pytest.raises(ValueError, match="mixup"):
        on_features(ClassifierConfig(), 3)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"fusion": "geonet_modulate_film"}, "--set where=pooled"),
        ({"fusion": "image_only"}, "image_only has nothing to train"),
        ({"recipe": "smoke"}, "--change mixup=0"),
        ({"workers": "2"}, "--workers 2"),
        ({"workers": "1..2"}, "--workers 1..2"),
        ({"frozen_views": 0}, "--frozen-views 0"),
        ({"batch": 4096}, "--batch 4096"),
        ({"start_from": "abc"}, "--start-from abc"),
    ],
)
def test_what_does_not_fit_is_one_line(flags, named):
    with pytest.raises(UserError) as refused:
        plan(**flags)
    assert named in str(refused.value) and "\n" not in str(refused.value)
    assert not refused.value.args[0].startswith("Value error")


def test_modulation_of_the_pooled_feature_is_not_refused():
    assert plan(fusion="geonet_modulate_film", fusion_settings=("where=pooled",)).config.fusion_settings["where"]


def test_at_paper_scale_it_says_that_the_backbone_is_frozen():
    found = plan(facts={"is_world": False}, scale="paper", backbone="test_resnet", resolution=64)
    assert "frozen" in found.scale and "as published" not in found.scale
    with pytest.raises(UserError, match="--recipe frozen: was never published"):
        build_plan(train_options(recipe="frozen", scale="paper"), FACTS, None)


def test_a_dry_run_marks_it_and_counts_the_cache_apart():
    store, alone = start()
    options = train_options(frozen=True, start_from=alone)
    found = build_plan(options, FACTS, store)
    dry = train_dry_run(found, options, store)
    assert (dry.features.pictures, dry.features.done, dry.features.seconds) == (4 * 3000 + 110, False, None)
    assert "frozen backbone test_resnet" in dry.text() and "12,110 pictures" in dry.text()
    store.put_stage(stage_key(found.main), {}, {"seconds": 12.5})
    assert "made already in 12.5 s" in train_dry_run(found, options, store).text()
    assert train_dry_run(whole(), train_options(), None).features is None


def test_the_expected_time_is_that_of_frozen_runs_alone():
    store, alone = start()
    options = train_options(frozen=True, start_from=alone)
    found = build_plan(options, FACTS, store)
    store.put_card(FACTS.card)
    for task, seconds in ((found.main, 3.0), (whole().main, 300.0)):
        record = RunRecord(
            run_id=task.run_id,
            spec=task.spec,
            scale=task.scale,
            status="completed",
            epochs=task.spec.config.epochs,
            cost=Cost(seconds=seconds),
        )
        store.commit_run(record)
    other = train_options(frozen=True, start_from=alone, seed=1)
    assert train_dry_run(build_plan(other, FACTS, store), other, store).seconds == pytest.approx(3.0)
