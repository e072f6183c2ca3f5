"""Runs with the same numbers have the same name; GeoNet looks at places, on a well-trained image-only model."""

import pytest

from fieldmark.config import ClassifierConfig, Fusions, Recipes, RunSpec, Scale
from fieldmark.config.canonical import trains
from fieldmark.errors import UserError
from fieldmark.models.build import build_classifier
from fieldmark.search.training.choices import GEONET
from fieldmark.search.training.facts import TrainFacts
from fieldmark.search.training.options import train_options
from fieldmark.search.training.plan import build_plan
from fieldmark.store import DatasetCard, RunRecord, Store
from fieldmark.training.classifier.start import trains as has_parameters

COUNTS = {"train": 3000, "tune": 50, "test": 50}
CARD = {"name": "small", "spec": "world", "fingerprint": "f", "protocol": "official:0", "categories": 10}
SIZES = {"counts": COUNTS, "largest_category": 50, "category_size": 50, "has_images": True}
FACTS = TrainFacts(card=DatasetCard(**CARD, **SIZES), has_places=True, has_dates=True, is_world=True)


def plan(store=None, *, facts=None, **flags):
    return build_plan(train_options(**flags), FACTS.model_copy(update=facts or {}), store)


def start():
    """Returns a store with an image-only run, and that run's id."""
    config = ClassifierConfig(fusion="image_only", backbone="test_resnet", resolution=64)
    spec = RunSpec(config=config, dataset="small", fingerprint="f", protocol="official:0", seed=7)
    store = Store.open("memory://")
    store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=Scale(name="smoke"), status="completed"))
    return store, spec.run_id


@pytest.mark.parametrize("fusion", sorted(Fusions.frozen))
def test_what_trains_nothing_is_what_has_no_parameters_left(fusion):
    config = ClassifierConfig(backbone="test_resnet", resolution=32, fusion=fusion)
    model = build_classifier(config, 4)
    model.backbone.requires_grad_(False)
    assert trains(config) == has_parameters(model)


@pytest.mark.parametrize("fusion", sorted(Fusions.untrained))
def test_a_fusion_without_training_has_one_name_for_every_recipe_and_seed(fusion):
    store, alone = start()
    first = plan(store, fusion=fusion, start_from=alone)
    others = (
        {"seed": 3},
        {"recipe": "geonet", "precision": "float32"},
        {"epochs": 3, "lr": 0.1, "batch": 32},
        {"changes": ("date=true", "encoding=sphere", "missing=all", "drop_path=0.1")},
        {"fusion_settings": ("widths=32",)},
        {"batch": 4096},
        {"workers": "3"},
    )
    for flags in others:
        other = plan(store, fusion=fusion, start_from=alone, **flags)
        assert other.main.run_id == first.main.run_id, flags
    for flags in ({"precision": "bfloat16"}, {"fusion_settings": ("radius_km=5",)}, {"resolution": 48}):
        assert plan(store, fusion=fusion, start_from=alone, **flags).main.run_id != first.main.run_id, flags
    trained = [plan(fusion=fusion, seed=seed) for seed in (0, 1)]
    assert trained[0].start != trained[1].start, "the model it works on has a seed"
    assert trained[0].main.run_id != trained[1].main.run_id


def test_a_fusion_without_training_is_said_to_have_none():
    store, alone = start()
    found = plan(store, fusion="geonet_bayes", start_from=alone, scale="paper", backbone="test_resnet", resolution=64)
    assert found.scale == "scale paper: nothing is trained"


def test_on_the_world_how_files_are_shrunk_and_cropped_names_nothing():
    flags = {"changes": ("picture_side=70", "center_share=0.9")}
    assert plan(**flags).main.run_id == plan().main.run_id and len(plan(**flags).notes) == 2
    files = {"is_world": False}
    assert plan(facts=files, **flags).main.run_id != plan(facts=files).main.run_id


def test_weights_that_a_start_replaces_name_nothing(tmp_path):
    file = tmp_path / "weights"
    file.write_bytes(b"any")
    store, alone = start()
    for fusion in ("geonet_post_add", "dynamic_mlp_c", "image_only"):
        with_file = plan(store, fusion=fusion, start_from=alone, weights_file=str(file))
        assert with_file.main.run_id == plan(store, fusion=fusion, start_from=alone).main.run_id
    before = plan(fusion="geonet_post_add", weights_file=str(file))
    assert before.config.weights == "none"
    assert before.reference.spec.config.weights.startswith("sha256:"), "the image-only model does start from them"


def test_a_frozen_fusion_is_compared_with_the_model_it_starts_from():
    store, alone = start()
    found = plan(store, fusion="geonet_post_add", start_from=alone)
    assert found.reference.run_id == alone and found.runs == (found.main,)
    assert plan(store, fusion="dynamic_mlp_c", start_from=alone).reference.run_id != alone


@pytest.mark.parametrize("fusion", ["geonet_post_add", "geonet_whitelist"])
def test_the_model_that_geonet_works_on_is_trained_by_the_default_recipe(fusion):
    found = plan(fusion=fusion, recipe="geonet", lr=0.01, changes=("clip_norm=1",))
    assert found.reference.run_id == plan(fusion="image_only").main.run_id
    assert any("by recipe smoke" in note for note in found.notes)
    large = plan(fusion=fusion, recipe="geonet", scale="paper", backbone="test_resnet", resolution=64)
    assert large.reference.spec.config.lr == Recipes.NAMES["paper_cnn"].lr
    assert large.reference.spec.config.mixup == Recipes.NAMES["paper_cnn"].mixup
    smaller = plan(fusion=fusion, recipe="geonet", epochs=2, batch=32, bn_batch=16, workers="2")
    assert (smaller.reference.spec.config.epochs, smaller.reference.spec.config.batch) == (2, 32)
    assert smaller.workers == (2,)
    with pytest.raises(UserError, match="--workers 8"):
        plan(fusion=fusion, recipe="geonet", workers="8")


def test_another_fusion_has_a_reference_of_its_own_recipe():
    found = plan(fusion="geonet_modulate_add", recipe="geonet")
    assert found.reference.spec.config.schedule == "constant" and found.start is None


@pytest.mark.parametrize("fusion", sorted(GEONET))
def test_geonet_looks_at_places_alone_unless_dates_are_asked_for(fusion):
    assert fusion in Fusions.names() and fusion.startswith("geonet_")
    found = plan(fusion=fusion)
    assert not found.config.date and found.config.encoding == "wrap"
    assert [one.spec.config.information for one in found.bounds] == ["image", "image+place"]
    assert any("date=true" in note for note in found.notes) == trains(found.config)
    asked = plan(fusion=fusion, changes=("date=true",))
    assert asked.config.date == trains(asked.config) and not any("date=true" in note for note in asked.notes)
    with pytest.raises(UserError, match=f"--fusion {fusion}: looks at places"):
        plan(facts={"has_places": False}, fusion=fusion)


@pytest.mark.parametrize(
    ("flags", "facts", "information"),
    [
        ({}, {}, "image+place+date"),
        ({"changes": ("date=false",)}, {}, "image+place"),
        ({"changes": ("encoding=none",)}, {}, "image+date"),
        ({}, {"has_dates": False}, "image+place"),
        ({"fusion": "image_only"}, {}, "image"),
    ],
)
def test_the_bound_is_that_of_what_the_run_looks_at(flags, facts, information):
    bounds = [one.spec.config.information for one in plan(facts=facts, **flags).bounds]
    assert bounds == list(dict.fromkeys(["image", information]))
