"""Fitting PriorsNet: it learns, resumes exactly, stops when told, and uses only what it asks for."""

import copy
import io
from collections.abc import Callable

import numpy as np
import pytest
import torch

from fieldmark.config import PriorsNetConfig
from fieldmark.data.experiment import DenseScores, ExperimentData, Part
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.errors import UserError
from fieldmark.training.priorsnet import fit_priorsnet

CATEGORIES = 6
SMALL = {"width": 16, "blocks": 1, "batch": 32, "lr": 5e-3, "epochs": 4, "images_per_class": 20}


def part(n, seed, *, dated=1.0, observers=4):
    """Records of six categories, each living at its own longitude; rare ones last."""
    rng = np.random.default_rng(seed)
    category = np.minimum(rng.geometric(0.35, n) - 1, CATEGORIES - 1).astype(np.int32)
    date = np.datetime64("2020-01-01") + rng.integers(0, 366, n)
    return Part(
        image_id=np.array([f"image{i}" for i in range(n)]),
        category_N=category,
        place_time=PlaceTime(
            latitude_N=rng.normal(40, 5, n),
            longitude_N=category * 50.0 - 150 + rng.normal(0, 5, n),
            date_N=np.where(rng.random(n) < dated, date, np.datetime64("NaT")).astype("datetime64[D]"),
            observer_N=rng.integers(0, observers, n).astype(np.int32) if observers else np.full(n, -1, dtype=np.int32),
        ),
    )


def data(n=200, **kind):
    return ExperimentData(
        num_categories=CATEGORIES, parts={Split.TRAIN: part(n, 0, **kind), Split.TUNE: part(80, 1, **kind)}
    )


def config(**changes):
    return PriorsNetConfig(**(SMALL | changes))


class Curve:
    """A report that remembers, and stops after an epoch when asked to."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.epochs: dict[int, dict[str, float]] = {}
        self.stop_after = stop_after

    def __call__(self, epoch, metrics):
        self.epochs[epoch] = dict(metrics)
        return epoch != self.stop_after


class Memory:
    """Checkpoints as bytes, the way a store keeps them; the process dies after a number of saves."""

    def __init__(self, saves_until_death: int | None = None) -> None:
        self.saved: bytes | None = None
        self.left = saves_until_death

    def load(self):
        return None if self.saved is None else torch.load(io.BytesIO(self.saved), weights_only=True)

    def due(self):
        return True

    def save(self, state):
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.saved = buffer.getvalue()
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


def same(first, second):
    assert list(first) == list(second)
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"loss": "sampled", "sampled_categories": 3},
        {"photographer": True},
        {"photographer": True, "loss": "sampled", "sampled_categories": 2},
        {"sampler": "IB", "images_per_class": None, "encoding": "sphere", "date": False},
    ],
    ids=["exact", "sampled", "photographer", "photographer sampled", "place alone"],
)
def test_a_killed_fit_resumes_to_the_same_bits(changes):
    unbroken = fit_priorsnet(config(**changes), data(), 5, report=Curve())
    memory, curve = Memory(saves_until_death=2), Curve()
    with pytest.raises(KeyboardInterrupt):
        fit_priorsnet(config(**changes), data(), 5, report=curve, checkpoints=memory)
    memory.left = None
    torch.rand(7)  # whatever the new process drew before must not matter
    resumed = fit_priorsnet(config(**changes), data(), 5, report=curve, checkpoints=memory)
    assert same(unbroken.state_dict, resumed.state_dict)
    assert sorted(curve.epochs) == [1, 2, 3, 4]


def test_the_seed_decides_and_the_global_generators_are_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = fit_priorsnet(config(), data(), 1, report=Curve())
    assert torch.equal(torch.get_rng_state(), before)
    assert same(first.state_dict, fit_priorsnet(config(), data(), 1, report=Curve()).state_dict)
    assert not same(first.state_dict, fit_priorsnet(config(), data(), 2, report=Curve()).state_dict)


def test_a_cap_that_never_binds_gives_the_instance_balanced_numbers():
    capped = fit_priorsnet(config(images_per_class=10_000), data(), 0, report=Curve())
    uncapped = fit_priorsnet(config(sampler="IB", images_per_class=None), data(), 0, report=Curve())
    assert same(capped.state_dict, uncapped.state_dict)
    np.testing.assert_array_equal(capped.training_class_prior_C, uncapped.training_class_prior_C)


@pytest.mark.parametrize("loss", ["exact", "sampled"])
def test_it_learns_where_categories_live(loss):
    curve = Curve()
    asked = config(epochs=30, loss=loss, sampled_categories=3, sampled_background=0.5, dropout=0.1)
    prior = fit_priorsnet(asked, data(), 0, report=curve)
    assert curve.epochs[30]["loss"] < 0.6 * curve.epochs[1]["loss"]
    assert curve.epochs[30]["top1"] > 0.9
    tune = data().parts[Split.TUNE]
    assert np.mean(prior.raw(tune.place_time).argmax(1) == tune.category_N) == pytest.approx(curve.epochs[30]["top1"])
    far = copy.deepcopy(tune.place_time)
    far.latitude_N[:] = -60
    assert prior.raw(far).max(1).mean() < 0.5 * prior.raw(tune.place_time).max(1).mean()


def test_the_corrected_score_is_the_posterior():
    """Two categories at one place: raw saturates for both, corrected tells how likely each is."""
    n = 600
    rng = np.random.default_rng(0)
    category = (rng.random(n) < 0.25).astype(np.int32)
    records = Part(
        image_id=np.arange(n).astype(str),
        category_N=category,
        place_time=PlaceTime(
            latitude_N=np.full(n, 10.0), longitude_N=np.full(n, 20.0),
            date_N=np.full(n, "NaT", dtype="datetime64[D]"), observer_N=np.full(n, -1, dtype=np.int32),
        ),
    )  # fmt: skip
    asked = config(
        date=False,
        sampler="IB",
        images_per_class=None,
        positive_weight=50.0,
        dropout=0.0,
        epochs=60,
        lr=1e-2,
        decay=0.95,
    )
    prior = fit_priorsnet(asked, ExperimentData(num_categories=2, parts={Split.TRAIN: records}), 0, report=Curve())
    here = records.place_time.take(np.array([0]))
    raw, corrected = prior.raw(here)[0], prior.corrected(here)[0]
    assert raw[1] / raw.sum() > 0.4
    assert corrected[1] / corrected.sum() == pytest.approx(category.mean(), abs=0.05)
    assert raw.argsort().tolist() == corrected.argsort().tolist()


def test_tune_is_scored_at_the_rungs_and_at_the_end():
    curve = Curve()
    fit_priorsnet(config(epochs=4), data(), 0, report=curve)
    assert [("top1" in metrics) for metrics in curve.epochs.values()] == [False, False, True, True]
    assert all(np.isfinite(metrics["loss"]) for metrics in curve.epochs.values())
    assert set(curve.epochs[4]) >= {"top1", "log_loss", "mrr"}


def test_with_image_scores_the_product_is_judged_and_a_missing_place_leaves_the_image():
    parts = data().parts
    tune = parts[Split.TUNE]
    nowhere = copy.deepcopy(tune.place_time)
    nowhere.latitude_N[:] = np.nan
    wrong_half = np.full((len(tune), CATEGORIES), 0.01, dtype=np.float32)
    wrong_half[np.arange(len(tune)), np.where(np.arange(len(tune)) % 2, tune.category_N, (tune.category_N + 1) % 6)] = (
        0.9
    )
    judged = Part(
        image_id=tune.image_id,
        category_N=tune.category_N,
        place_time=nowhere,
        image_scores=DenseScores(scores_NC=wrong_half),
    )
    curve = Curve()
    fit_priorsnet(config(), ExperimentData(num_categories=6, parts={**parts, Split.TUNE: judged}), 0, report=curve)
    assert curve.epochs[4]["top1"] == pytest.approx(0.5)


def test_a_missing_place_is_answered_with_ones():
    prior = fit_priorsnet(config(), data(), 0, report=Curve())
    where = part(4, 2).place_time
    where.longitude_N[1] = np.nan
    assert prior.applies(where).tolist() == [True, False, True, True]
    for scores in (prior.raw(where), prior.corrected(where)):
        assert scores.shape == (4, CATEGORIES)
        assert scores.dtype == np.float32
        assert (scores[1] == 1).all()
        assert ((scores[[0, 2, 3]] > 0) & (scores[[0, 2, 3]] < 1)).all()


def test_the_class_prior_is_what_the_sampler_showed():
    train = data().parts[Split.TRAIN]
    counts = np.bincount(train.category_N, minlength=CATEGORIES)
    capped = fit_priorsnet(config(epochs=1), data(), 0, report=Curve()).training_class_prior_C
    np.testing.assert_allclose(capped, np.minimum(counts, 20) / np.minimum(counts, 20).sum())
    uncapped = fit_priorsnet(config(epochs=1, sampler="IB", images_per_class=None), data(), 0, report=Curve())
    np.testing.assert_allclose(uncapped.training_class_prior_C, counts / counts.sum())


def test_the_report_can_stop_the_training():
    curve = Curve(stop_after=2)
    assert fit_priorsnet(config(), data(), 0, report=curve).epochs == 2
    assert sorted(curve.epochs) == [1, 2]


def test_only_missing_fields_that_are_asked_for_cost_records():
    """SCIENCE rule 1: no dates and no observers, yet every record is used; then each is asked for."""
    bare = data(dated=0.0, observers=0)
    assert fit_priorsnet(config(epochs=1), bare, 0, report=Curve()).left_out == 0
    half = data(dated=0.5)
    undated = int((~half.parts[Split.TRAIN].place_time.has_date_N).sum())
    assert fit_priorsnet(config(epochs=1, missing_date="drop"), half, 0, report=Curve()).left_out == undated > 0
    with pytest.raises(UserError, match="none of the 200 training records"):
        fit_priorsnet(config(missing_date="drop"), bare, 0, report=Curve())


def test_an_undated_record_is_not_a_sign_of_presence():
    """Background points lack dates as often as records do, so a score must not depend on whether there is a date."""
    train = part(600, 0, dated=0.5)
    train.place_time.longitude_N[:] = np.random.default_rng(1).uniform(-180, 180, 600)  # a place says nothing either
    train.place_time.latitude_N[:] = np.degrees(np.arcsin(np.random.default_rng(2).uniform(-1, 1, 600)))
    asked = config(epochs=30, dropout=0.0, sampler="IB", images_per_class=None)
    prior = fit_priorsnet(asked, ExperimentData(num_categories=6, parts={Split.TRAIN: train}), 0, report=Curve())
    undated = copy.deepcopy(train.place_time)
    undated.date_N[:] = np.datetime64("NaT")
    dated = copy.deepcopy(train.place_time)
    dated.date_N[:] = np.datetime64("2020-01-01") + np.random.default_rng(3).integers(0, 366, 600)
    assert prior.raw(undated).mean() == pytest.approx(prior.raw(dated).mean(), rel=0.25)


@pytest.mark.parametrize("observers", [0, 1])
def test_photographers_are_needed_where_they_are_asked_for(observers):
    with pytest.raises(UserError):
        fit_priorsnet(config(photographer=True), data(observers=observers), 0, report=Curve())


def test_parameters_count_the_photographers():
    asked: Callable[..., int] = lambda **c: fit_priorsnet(config(epochs=1, **c), data(), 0, report=Curve()).parameters  # noqa: E731
    encoder = 6 * 16 + 16 + 2 * (16 * 16 + 16)
    assert asked() == encoder + CATEGORIES * 16
    assert asked(photographer=True) == encoder + CATEGORIES * 16 + 4 * 16


def test_a_diverging_loss_says_so():
    with pytest.raises(FloatingPointError, match="smaller lr"):
        fit_priorsnet(config(lr=1e30), data(), 0, report=Curve())


def test_the_superset_can_be_trained_on():
    larger = part(400, 9)
    both = ExperimentData(num_categories=CATEGORIES, parts=data().parts, superset=larger)
    prior = fit_priorsnet(
        config(epochs=1, train_on="superset", images_per_class=None, sampler="IB"), both, 0, report=Curve()
    )
    counts = np.bincount(larger.category_N, minlength=CATEGORIES)
    np.testing.assert_allclose(prior.training_class_prior_C, counts / 400)
