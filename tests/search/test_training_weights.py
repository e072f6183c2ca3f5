"""Pretrained weights are named by the numbers that they are, before anything is trained."""

import subprocess
import sys
import textwrap

import pytest

from fieldmark.config import RunSpec, Scale
from fieldmark.errors import UserError
from fieldmark.search.training.choices import classifier_config
from fieldmark.search.training.facts import TrainFacts
from fieldmark.search.training.options import train_options
from fieldmark.search.training.plan import build_plan
from fieldmark.store import DatasetCard, RunRecord, Store

CARD = {
    "name": "small",
    "spec": "world",
    "fingerprint": "f",
    "protocol": "official:0",
    "categories": 10,
    "counts": {"train": 3000, "tune": 50, "test": 50},
    "largest_category": 50,
    "category_size": 50,
    "has_images": True,
}
FACTS = TrainFacts(card=DatasetCard(**CARD), has_places=True, has_dates=True, is_world=True)


def config(**flags):
    return classifier_config(train_options(**flags), FACTS)[0]


@pytest.mark.parametrize(
    ("flags", "weights", "normalisation"),
    [
        ({}, "none", "imagenet"),
        ({"weights": "timm"}, "timm:test_resnet.r160_in1k", "half"),
        ({"weights": "timm", "backbone": "resnet50"}, "timm:resnet50.a1_in1k", "imagenet"),
        ({"weights": "timm:resnet50.tv_in1k", "backbone": "resnet50"}, "timm:resnet50.tv_in1k", "imagenet"),
        ({"changes": ("normalisation=half",)}, "none", "half"),
    ],
)
def test_the_configuration_names_the_tag_and_what_its_pixels_are_brought_to(flags, weights, normalisation):
    found = config(**flags)
    assert (found.weights, found.normalisation) == (weights, normalisation)


def test_other_weights_are_other_runs():
    ids = {config(backbone="resnet50", weights=word).config_id for word in ("timm", "timm:resnet50.tv_in1k", "none")}
    assert len(ids) == 3
    assert config(backbone="resnet50", weights="timm") == config(backbone="resnet50", weights="timm:resnet50.a1_in1k")


@pytest.mark.parametrize("word", ["imagenet", "timm:", "resnet50.a1_in1k"])
def test_another_word_is_refused_by_its_flag(word):
    with pytest.raises(UserError, match=f"--weights {word}: expected none, timm, or timm:NAME.TAG"):
        train_options(weights=word)


def test_a_file_of_weights_is_not_joined_by_others():
    with pytest.raises(UserError, match="--weights-file"):
        train_options(weights="timm:resnet50.tv_in1k", weights_file="w.pt")


def test_a_start_has_the_same_normalisation():
    store = Store.open("memory://")
    spec = RunSpec(
        config=config(fusion="image_only", changes=("normalisation=half",)),
        dataset="small",
        fingerprint="f",
        protocol="official:0",
        seed=0,
    )
    store.commit_run(RunRecord(run_id=spec.run_id, spec=spec, scale=Scale(name="smoke"), status="completed"))
    with pytest.raises(UserError, match=r"--start-from .*half, not imagenet"):
        build_plan(train_options(start_from=spec.run_id, fusion="geonet_post_add"), FACTS, store)
    asked = train_options(start_from=spec.run_id, fusion="geonet_post_add", changes=("normalisation=half",))
    assert build_plan(asked, FACTS, store).start == spec.run_id


def test_without_pretrained_weights_nothing_heavy_is_imported():
    program = """
        import sys
        from fieldmark.search.training.choices import classifier_config
        from fieldmark.search.training.facts import TrainFacts
        from fieldmark.search.training.options import train_options
        from fieldmark.store import DatasetCard
        facts = TrainFacts(card=DatasetCard(**CARD), has_places=True, has_dates=True, is_world=True)
        classifier_config(train_options(), facts)
        assert not {"torch", "timm"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", f"CARD = {CARD!r}\n" + textwrap.dedent(program)], check=True)
