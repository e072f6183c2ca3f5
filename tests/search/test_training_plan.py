"""Which runs the flags stand for: names that stay, defaults by scale, and inputs that the data lack."""

import pytest

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, RunSpec, Scale
from fieldmark.errors import UserError
from fieldmark.search.training.dealing import allowed_workers
from fieldmark.search.training.facts import TrainFacts, train_facts
from fieldmark.search.training.options import train_options
from fieldmark.search.training.plan import build_plan
from fieldmark.store import DatasetCard, RunRecord, Store


def facts(*, places=True, dates=True, world=True, train=3000):
    card = DatasetCard(
        name="small",
        spec="world",
        fingerprint="f",
        protocol="official:0",
        categories=10,
        counts={"train": train, "tune": 50, "test": 50},
        largest_category=50,
        category_size=50,
        has_images=True,
    )
    return TrainFacts(card=card, has_places=places, has_dates=dates, is_world=world)


def plan(known=None, store=None, **flags):
    return build_plan(train_options(**flags), known or facts(), store)


def test_small_data_are_a_demonstration_and_large_data_are_as_published():
    small, large = plan().config, plan(facts(world=False, train=50_000)).config
    assert (small.backbone, small.resolution, small.batch) == ("test_resnet", 64, 64)
    assert (large.backbone, large.resolution, large.batch, large.lr) == ("resnet50", 224, 512, 0.04)
    asked = plan(facts(world=False), scale="paper")
    assert asked.config.config_id == large.config_id and asked.main.scale.name == "paper"
    assert plan().main.scale == Scale(name="smoke", k=8, category_size=50)
    assert (plan().trains_reference, asked.trains_reference) == (True, False)


def test_photographs_are_shrunk_at_smoke_scale_only():
    assert plan(facts(world=False)).config.picture_side == 73
    assert plan().config.picture_side is None, "the world is drawn at the resolution"
    assert plan(facts(world=False), scale="paper").config.picture_side is None


def test_what_changes_no_number_changes_no_name():
    same = {"workers": "2", "store": "other", "threads": 2, "compile": True, "loader_processes": 3, "cache": "c"}
    assert plan(**same).main.run_id == plan().main.run_id
    other = ({}, {"seed": 1}, {"epochs": 3}, {"lr": 0.1}, {"resolution": 48}, {"backbone": "resnet18"})
    assert len({plan(**flags).main.run_id for flags in other}) == len(other)


def test_the_reference_is_the_same_for_every_fusion_and_every_input():
    everything = plan().reference
    assert everything.run_id == plan(fusion="concat_star").reference.run_id
    assert everything.run_id == plan(facts(dates=False)).reference.run_id
    assert everything.run_id == plan(changes=("encoding=sphere", "location_width=32")).reference.run_id
    assert plan(fusion="image_only").main.run_id == everything.run_id
    assert plan(fusion="image_only").reference is None
    assert everything.run_id != plan(epochs=3).reference.run_id


def test_inputs_that_no_training_record_has_are_dropped_with_a_note():
    undated, unplaced = plan(facts(dates=False)), plan(facts(places=False))
    assert (undated.config.date, undated.config.encoding) == (False, "wrap")
    assert (unplaced.config.date, unplaced.config.encoding) == (True, "none")
    assert any("date" in note for note in undated.notes) and any("place" in note for note in unplaced.notes)
    assert plan().notes == ()


def test_without_place_and_date_the_default_is_the_image_alone_and_another_fusion_is_refused():
    alone = plan(facts(places=False, dates=False, world=False))
    assert alone.config.fusion == "image_only" and any("image_only" in note for note in alone.notes)
    with pytest.raises(UserError, match="--fusion dynamic_mlp_c: no training record"):
        plan(facts(places=False, dates=False), fusion="dynamic_mlp_c")


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"fusion": "dynamic_mlp_d"}, "dynamic_mlp_c"),
        ({"fusion_settings": ("d=0",)}, "d"),
        ({"fusion_settings": ("width=3",)}, "width"),
        ({"changes": ("mixdown=3",)}, "--change mixdown"),
        ({"changes": ("lr=3",)}, "flag of its own"),
        ({"changes": ("mixup=-1",)}, "mixup"),
        ({"changes": ("crop_area=[0.5",)}, "crop_area"),
        ({"batch": 100}, "bn_batch"),
        ({"batch": 4096, "bn_batch": 16}, "3000 training pictures"),
        ({"weights_file": "no/such/file"}, "--weights-file no/such/file"),
        ({"workers": "3"}, "1, 2, 4"),
        ({"start_from": "abc"}, "--start-from abc"),
    ],
)
def test_what_does_not_fit_is_one_line(flags, named):
    with pytest.raises(UserError) as refused:
        plan(**flags)
    assert named in str(refused.value) and "\n" not in str(refused.value)


def test_changes_and_settings_reach_the_configuration():
    config = plan(changes=("mixup=0", "crop_area=[0.5,1.0]", "clip_norm=null"), fusion_settings=("d=16",)).config
    assert (config.mixup, config.crop_area, config.clip_norm) == (0, (0.5, 1.0), None)
    assert config.fusion_settings["d"] == 16
    grouped = plan(batch=32, bn_batch=8).config
    assert (grouped.bn_batch, grouped.mixup_group) == (8, 8)


def test_a_range_of_workers_spans_what_the_groups_allow():
    assert allowed_workers(ClassifierConfig()) == [1, 2, 4, 8]
    assert plan(workers="1..3").workers == (1, 2)
    assert plan(workers="2..9").workers == (2, 4)


def test_a_frozen_fusion_starts_from_the_image_only_model_even_if_no_reference_is_asked_for():
    frozen = plan(fusion="geonet_post_add", reference=False)
    assert frozen.trains_reference and frozen.start == frozen.reference.run_id
    assert frozen.main.spec.stages == {IMAGE_MODEL: frozen.start}
    assert plan().start is None and plan().main.spec.stages == {}


def test_a_start_must_be_an_image_only_run_of_the_same_backbone_on_the_same_data():
    store = Store.open("memory://")

    def record(config, **fields):
        values = {"dataset": "small", "fingerprint": "f", "protocol": "official:0", "seed": 0} | fields
        spec = RunSpec(config=config, **values)
        store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=Scale(name="paper"), status="completed"))
        return spec.run_id

    alone = ClassifierConfig(fusion="image_only", backbone="test_resnet", resolution=32)
    good = record(alone)
    started = plan(store=store, start_from=good[:8], fusion="geonet_post_add")
    assert (started.start, started.main.spec.stages) == (good, {IMAGE_MODEL: good})
    assert started.main.run_id != plan(fusion="geonet_post_add").main.run_id
    bad = {
        "not resnet18": {"start_from": good, "backbone": "resnet18"},
        "other data": {"start_from": record(alone, fingerprint="g")},
        "image-only": {"start_from": record(ClassifierConfig(backbone="test_resnet"))},
    }
    for message, flags in bad.items():
        with pytest.raises(UserError, match=message):
            plan(store=store, **flags)


def test_data_without_pictures_or_without_a_test_part_are_refused(tmp_path):
    from fieldmark.data.open import open_dataset

    lines = ["species,latitude,longitude", *(f"s{k % 2},{k},{k}" for k in range(40))]
    (tmp_path / "records.csv").write_text("\n".join(lines) + "\n")
    spec = f"table:{tmp_path / 'records.csv'}"
    with pytest.raises(UserError, match="no pictures"):
        train_facts(open_dataset(spec), spec)
