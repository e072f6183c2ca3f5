"""Evaluations: what a table and a paired comparison need of a fitted prior."""

from dataclasses import replace

import numpy as np
import pytest

from fieldmark.config import ClassFrequencyConfig, GridConfig, NearestNeighboursConfig
from fieldmark.data.experiment import DenseScores, ExperimentData, Part
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.training import evaluation
from fieldmark.training.evaluation import evaluate, evaluate_image_only, evaluate_scores, first
from fieldmark.training.methods import fit

CATEGORIES = 4


def part(n: int, seed: int, images: bool) -> Part:
    """Category c lives around longitude 40 c; every tenth record has no place, every seventh no category."""
    generator = np.random.default_rng(seed)
    category_N = generator.integers(0, CATEGORIES, n).astype(np.int32)
    longitude_N = 40.0 * category_N + generator.normal(0, 20, n)
    latitude_N = generator.normal(0, 5, n)
    longitude_N[::10] = latitude_N[::10] = np.nan
    scores_NC = np.eye(CATEGORIES)[category_N] + generator.exponential(1, (n, CATEGORIES))
    category_N[::7] = -1
    return Part(
        image_id=np.array([f"{seed}-{i}" for i in range(n)]),
        category_N=category_N,
        place_time=PlaceTime(
            latitude_N=latitude_N,
            longitude_N=longitude_N,
            date_N=np.full(n, "NaT", "datetime64[D]"),
            observer_N=np.full(n, -1, np.int32),
        ),
        image_scores=DenseScores(scores_NC=scores_NC.astype(np.float32)) if images else None,
    )


def experiment(images: bool) -> ExperimentData:
    parts = {
        split: part(n, seed, images)
        for seed, (split, n) in enumerate({Split.TRAIN: 600, Split.TUNE: 200, Split.TEST: 300}.items())
    }
    return ExperimentData(num_categories=CATEGORIES, parts=parts)


def fitted(config, data):
    return fit(config, data, 0, report=lambda _epoch, _metrics: True)


def test_predictions_say_the_same_as_the_figures():
    data = experiment(images=True)
    found = evaluate(fitted(NearestNeighboursConfig(k=20), data), data)

    assert {one.split for one in found} == {"tune", "test"}
    for one in found:
        table = one.predictions
        true = table["true_category"].to_numpy()
        assert table.num_rows == (data.parts[Split[one.split.upper()]].category_N >= 0).sum()
        assert table["hit1"].to_numpy().mean() == pytest.approx(one.metrics["top1"], abs=1e-6)
        assert -np.log(table["true_probability"].to_numpy()).mean() == pytest.approx(one.metrics["log_loss"], rel=1e-5)
        top, probability = np.stack(table["top_categories"].to_numpy()), np.stack(table["top_probabilities"].to_numpy())
        assert (np.diff(probability, axis=1) <= 0).all()
        assert probability[top == true[:, None]] == pytest.approx(table["true_probability"].to_numpy())


def test_a_place_helps_and_help_and_harm_are_both_counted():
    data = experiment(images=True)
    found = {
        one.score: one for one in evaluate(fitted(NearestNeighboursConfig(k=20), data), data) if one.split == "test"
    }
    (image,) = [one for one in evaluate_image_only(data) if one.split == "test"]
    product = found["product_bayes"]

    n = product.predictions.num_rows
    gain = (product.metrics["top1"] - image.metrics["top1"]) * n
    assert gain > 0
    assert product.details["turned_right"] - product.details["turned_wrong"] == pytest.approx(gain, abs=1e-3)
    assert product.details["turned_wrong"] > 0
    assert "turned_right" not in found["prior_raw"].details
    known = data.parts[Split.TEST].category_N >= 0
    applied = data.parts[Split.TEST].place_time.has_place_N[known].mean()
    assert product.details["prior_applied"] == pytest.approx(applied)
    assert product.details["temperature"] == found["prior_calibrated"].details["temperature"]


def test_figures_do_not_depend_on_the_size_of_chunks(monkeypatch):
    data = experiment(images=True)
    whole = evaluate(fitted(GridConfig(), data), data)
    monkeypatch.setattr(evaluation, "chunk_rows", lambda _categories: 7)

    in_chunks = evaluate(fitted(GridConfig(), data), data)

    for one, other in zip(whole, in_chunks, strict=True):
        assert one.metrics == pytest.approx(other.metrics)
        assert one.predictions.equals(other.predictions)


def test_without_images_the_prior_stands_alone():
    data = experiment(images=False)

    found = evaluate(fitted(ClassFrequencyConfig(), data), data)

    assert {one.score for one in found} == {"prior_raw", "prior_corrected", "prior_posterior", "prior_calibrated"}
    assert evaluate_image_only(data) == []


def test_test_labels_do_not_move_the_temperature():
    data = experiment(images=False)
    test = data.parts[Split.TEST]
    other = replace(
        data, parts={**data.parts, Split.TEST: replace(test, category_N=(test.category_N + 1) % CATEGORIES)}
    )
    prior = fitted(NearestNeighboursConfig(k=20), data)

    def temperatures(one):
        return [found.details["temperature"] for found in evaluate(prior, one) if found.score == "prior_calibrated"]

    assert temperatures(data) == temperatures(other)


def test_ready_scores_need_not_be_normalised():
    data = experiment(images=False)
    test = data.parts[Split.TEST]
    scores_NC = np.random.default_rng(0).random((len(test), CATEGORIES))

    one = evaluate_scores(test, "test", "bayes", scores_NC, {"resolution": 3.0})
    other = evaluate_scores(test, "test", "bayes", 5 * scores_NC)

    assert one.metrics == pytest.approx(other.metrics)
    assert one.details == {"resolution": 3.0}
    assert one.predictions["image_id"].to_pylist() == test.image_id[test.category_N >= 0].tolist()


def test_an_empty_part_gives_no_evaluation():
    data = experiment(images=False)
    nothing = replace(data, parts={**data.parts, Split.TUNE: part(0, 9, images=False)})

    found = evaluate(fitted(GridConfig(), nothing), nothing)

    assert {one.split for one in found} == {"test"}


def test_first_names_the_greatest_scores_in_order():
    scores_NC = np.array([[0.1, 0.4, 0.2, 0.3], [0.25, 0.25, 0.25, 0.25]], np.float32)

    assert first(scores_NC, 3)[0].tolist() == [1, 3, 2]
    assert first(scores_NC, 10)[1].tolist() == [0, 1, 2, 3]
