"""A fusion trained on cached features: resumed bit for bit, the whole model at the end, the image-only one before."""

import numpy as np
import pytest
import torch

from fieldmark.config.canonical import on_features
from fieldmark.data.observations import Split
from fieldmark.errors import UserError
from fieldmark.models.build import build_classifier
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.fit import FittedClassifier
from fieldmark.training.frozen.features import compute_features
from fieldmark.training.frozen.fit import fit_frozen

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def image_only(tiny):
    changes = {"fusion": "image_only", "mixup": 0.0, "drop_path": 0.0, "epochs": 3, "precision": "float32"}
    return tiny.train(tiny.config(**changes)).fitted


def config(tiny, views=2, **changes):
    return on_features(tiny.config(**({"mixup": 0.0, "precision": "float32", "lr": 0.05} | changes)), views)


@pytest.fixture(scope="module")
def features(tiny, image_only):
    start = image_only.model.state_dict()
    return compute_features(config(tiny), tiny.experiment(), start, 3, execution=Execution())


@pytest.fixture
def fit(tiny, image_only, features):
    def run(settings, seed=3, **arguments):
        curve = {}
        arguments = {"report": lambda epoch, metrics: curve.update({epoch: dict(metrics)}) or True} | arguments
        start = image_only.model.state_dict()
        return fit_frozen(settings, tiny.experiment(), features, seed, start=start, **arguments), curve

    return run


def test_what_is_reported_after_every_epoch(tiny, fit):
    fitted, curve = fit(config(tiny, epochs=4))
    assert sorted(curve) == [1, 2, 3, 4]
    for metrics in curve.values():
        assert set(metrics) == {"loss", "lr", "images_per_second", "top1", "log_loss"}
    assert curve[4]["loss"] < curve[1]["loss"]
    (tune, test) = fitted.evaluate(tiny.experiment())
    assert (tune.split, test.split) == ("tune", "test") and tune.metrics["top1"] == curve[4]["top1"]
    assert tune.score == test.score == "joint" and len(test.predictions) == 40
    assert 0 < fitted.details["frozen_test_top1"] < 1 and test.details == fitted.details


def test_the_whole_model_on_pictures_is_as_right_as_the_fusion_on_features(tiny, fit):
    fitted, _ = fit(config(tiny))
    whole = build_classifier(fitted.config, tiny.CATEGORIES)
    whole.load_state_dict(fitted.model.state_dict())
    on_pictures = FittedClassifier(model=whole, config=fitted.config, execution=Execution(), details={})
    pairs = zip(on_pictures.evaluate(tiny.experiment()), fitted.evaluate(tiny.experiment()), strict=True)
    for pictures, cached in pairs:
        assert pictures.metrics["top1"] == cached.metrics["top1"]
        assert pictures.metrics["log_loss"] == pytest.approx(cached.metrics["log_loss"], rel=1e-5)


def test_the_backbone_stays_as_it_is(tiny, image_only, fit):
    fitted, _ = fit(config(tiny))
    before, after = image_only.model.state_dict(), fitted.model.state_dict()
    kept = [name for name in before if name.startswith("backbone.")]
    assert len(kept) > 10 and all(torch.equal(before[name], after[name]) for name in kept)
    assert not any(parameter.requires_grad for parameter in fitted.model.backbone.parameters())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adamw", "lr": 1e-2, "decay_all": False, "clip_norm": 1.0, "precision": "float64"},
        {"precision": "float16"},
    ],
)
def test_cut_off_anywhere_it_goes_on_to_the_same_numbers_bit_for_bit(tiny, fit, changes):
    settings = config(tiny, epochs=3, **changes)
    whole, curve = fit(settings)
    memory = tiny.Memory(due_at=(3, 5, 8), stop_after=1)
    seen = {}
    for save in (1, 2, 3):  # in an epoch, at its end, and in a later one
        memory.stop_after = save
        with pytest.raises(KeyboardInterrupt):
            fit(settings, checkpoints=memory, report=lambda e, m: seen.update({e: m["loss"]}) or True)
    again, _ = fit(settings, checkpoints=memory, report=lambda e, m: seen.update({e: m["loss"]}) or True)
    assert memory.saves == 3 and seen == {epoch: metrics["loss"] for epoch, metrics in curve.items()}
    expected = whole.model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in again.model.state_dict().items())
    assert len(memory.saved) < 2 * sum(v.numel() * v.element_size() for v in expected.values()) + 50_000


def test_the_seed_decides_the_numbers_and_the_rest_of_torch_does_not(tiny, fit):
    first, _ = fit(config(tiny))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    same, _ = fit(config(tiny))
    assert torch.equal(torch.get_rng_state(), before)
    other, _ = fit(config(tiny), seed=4)
    name = "fusion.classifier.weight"
    assert torch.equal(first.model.state_dict()[name], same.model.state_dict()[name])
    assert not torch.equal(first.model.state_dict()[name], other.model.state_dict()[name])


def test_epoch_e_sees_view_e_mod_v(tiny, image_only, features, fit):
    """Views that no epoch sees change nothing; one that some epoch sees does."""
    from dataclasses import replace

    start = image_only.model.state_dict()
    settings = config(tiny, epochs=1)
    noise = np.ones_like(features.views[0])

    def loss(*views, epochs):
        curve = {}
        changed = replace(features, views=views)
        longer = settings.model_copy(update={"epochs": epochs, "schedule": "constant", "warmup_epochs": 0})
        fit_frozen(
            longer,
            tiny.experiment(),
            changed,
            3,
            start=start,
            report=lambda e, m: curve.update({e: m["loss"]}) or True,
        )
        return list(curve.values())

    first, second = features.views
    assert loss(first, noise, epochs=1) == loss(first, second, epochs=1)
    assert loss(first, second, epochs=3)[:1] == loss(first, noise, epochs=3)[:1]
    assert loss(first, second, epochs=3)[1] != loss(first, noise, epochs=3)[1]
    assert loss(first, second, first, epochs=3) == loss(first, second, epochs=3)


@pytest.mark.parametrize(
    "fusion", ["geonet_post_add", "geonet_post_concat", "geonet_post_multiply", "geonet_modulate_film"]
)
def test_before_any_step_geonet_is_the_image_only_model(tiny, image_only, fit, fusion):
    settings = {"where": "pooled"} if "film" in fusion else {}
    still = config(tiny, fusion=fusion, fusion_settings=settings, lr=1e-30, epochs=1)
    found = fit(still)[0].evaluate(tiny.experiment())
    for one, alone in zip(found, image_only.evaluate(tiny.experiment()), strict=True):
        assert one.metrics["top1"] == alone.metrics["top1"] and one.score == "joint"
        assert one.metrics["log_loss"] == pytest.approx(alone.metrics["log_loss"], rel=1e-5)
        assert one.metrics["top1"] == one.details[f"frozen_{one.split}_top1"]


def test_geonets_post_processing_leaves_the_classifier_and_learns(tiny, image_only, fit):
    fitted, curve = fit(config(tiny, fusion="geonet_post_add", epochs=5))
    assert curve[5]["loss"] < curve[1]["loss"]
    after, before = fitted.model.state_dict(), image_only.model.state_dict()
    assert torch.equal(after["fusion.classifier.weight"], before["fusion.classifier.weight"])


def test_a_fusion_without_training_is_told_the_training_records(tiny, fit):
    fitted, curve = fit(config(tiny, fusion="geonet_bayes"))
    assert not curve and len(fitted.model.fusion.category_N) > 50
    assert [one.split for one in fitted.evaluate(tiny.experiment())] == ["tune", "test"]


@pytest.mark.parametrize("fusion", ["geonet_modulate_add", "geonet_modulate_film"])
def test_a_fusion_on_the_map_is_refused_and_told_what_to_set(tiny, fit, fusion):
    with pytest.raises(UserError, match=r"map.*where=pooled"):
        fit(config(tiny, fusion=fusion))


def test_a_loss_that_is_no_number_ends_it(tiny, fit):
    with pytest.raises(FloatingPointError, match="loss is"):
        fit(config(tiny, lr=1e30, warmup_epochs=0))


def test_parts_without_labels_are_left_out(tiny, image_only):
    data = tiny.experiment()
    data.parts[Split.TUNE].category_N[:] = -1
    start = image_only.model.state_dict()
    cached = compute_features(config(tiny), data, start, 3, execution=Execution())
    curve = {}
    fitted = fit_frozen(
        config(tiny, epochs=1), data, cached, 3, start=start, report=lambda e, m: curve.update({e: m}) or True
    )
    assert set(curve[1]) == {"loss", "lr", "images_per_second"} and "frozen_tune_top1" not in cached.details
    assert [one.split for one in fitted.evaluate(data)] == ["test"]
