"""Predicting and evaluating: every record once, in order, whatever the batches are."""

import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fieldmark.data.observations import Split
from fieldmark.training.classifier.predict import predict_scores


@pytest.fixture(scope="module")
def fitted(tiny):
    return tiny.train(tiny.config(epochs=2)).fitted


def scores(tiny, fitted, **arguments):
    data = tiny.experiment()
    found = list(
        predict_scores(fitted.model, fitted.config, data.parts[Split.TEST], data.images[Split.TEST], **arguments)
    )
    return np.concatenate([at for at, _ in found]), np.concatenate([rows for _, rows in found])


def test_every_record_is_scored_once_with_or_without_a_category(tiny, fitted):
    at_N, scores_NC = scores(tiny, fitted)
    assert at_N.tolist() == list(range(44)) and (tiny.experiment().parts[Split.TEST].category_N < 0).any()
    assert scores_NC.shape == (44, tiny.CATEGORIES) and scores_NC.dtype == np.float32
    np.testing.assert_allclose(scores_NC.sum(axis=1), 1, rtol=1e-6)


def test_batches_and_choices_change_no_score(tiny, fitted):
    _, whole_NC = scores(tiny, fitted)
    at_n, some_nC = scores(tiny, fitted, batch=5, positions=np.array([40, 3, 7, 8, 9, 30, 1]))
    assert at_n.tolist() == [40, 3, 7, 8, 9, 30, 1]
    np.testing.assert_allclose(some_nC, whole_NC[at_n], rtol=1e-5)


def test_another_resolution_can_be_asked_for(tiny, fitted):
    _, larger_NC = scores(tiny, fitted, resolution=24)
    assert not np.allclose(larger_NC, scores(tiny, fitted)[1])


def test_pictures_are_normalised_as_configured(tiny, fitted, monkeypatch):
    seen = {}
    for name in ("imagenet", "half"):
        model = copy.deepcopy(fitted.model)
        model.backbone.layers.register_forward_pre_hook(lambda _, inputs, name=name: seen.setdefault(name, inputs[0]))
        scores(tiny, SimpleNamespace(model=model, config=tiny.config(normalisation=name)))
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    pixels = seen["imagenet"] * std + mean
    torch.testing.assert_close(seen["half"], (pixels - 0.5) / 0.5, rtol=1e-6, atol=1e-6)


def test_training_normalises_as_configured(tiny):
    one, other = (tiny.train(tiny.config(epochs=1, normalisation=name)).losses for name in ("imagenet", "half"))
    assert one[0] != other[0]


def test_evaluations_say_what_predictions_say(tiny, fitted):
    _, scores_NC = scores(tiny, fitted)
    category_N = tiny.experiment().parts[Split.TEST].category_N
    known = category_N >= 0
    (test,) = [one for one in fitted.evaluate(tiny.experiment()) if one.split == "test"]
    assert test.metrics["top1"] == (scores_NC[known].argmax(axis=1) == category_N[known]).mean()
    true_N = scores_NC[known, category_N[known]]
    np.testing.assert_allclose(test.predictions["true_probability"].to_numpy(), true_N, rtol=1e-5)
    assert test.predictions.num_rows == known.sum()


def test_the_score_is_called_after_what_it_looks_at(tiny):
    image = tiny.train(tiny.config(fusion="image_only", epochs=1)).fitted
    data = tiny.experiment()
    without_tune = replace(data, parts={split: part for split, part in data.parts.items() if split != Split.TUNE})
    assert [(one.split, one.score) for one in image.evaluate(without_tune)] == [("test", "image")]
    assert image.parameters == sum(value.numel() for value in image.model.parameters())
