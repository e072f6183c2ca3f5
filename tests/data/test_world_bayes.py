from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import binomtest, chi2_contingency

from fieldmark.data.world.bayes import Information
from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.scene import draw_scene
from fieldmark.data.world.world import World

WORLD = World(WorldConfig())
TRAIN, TEST = (np.flatnonzero(WORLD.observations().given_split == part) for part in ("train", "test"))
TRUTH = WORLD.records.category_N[TEST]


def credit(score_NC: NDArray[np.float64], truth_N: NDArray[np.int64] = TRUTH) -> NDArray[np.float64]:
    """Top-1 hits with expected credit for ties."""
    best = np.isclose(score_NC, score_NC.max(axis=1, keepdims=True), rtol=1e-9, atol=0)
    return best[np.arange(len(truth_N)), truth_N] / best.sum(axis=1)


def accuracy(information: Information, resolution: int = 48) -> float:
    return float(credit(WORLD.posterior(TEST, information, resolution)).mean())


@pytest.mark.parametrize("information", get_args(Information))
def test_the_classifier_is_as_often_right_as_it_says(information: Information) -> None:
    """Holds only if the densities are those that the records were drawn from, missing fields included."""
    posterior_NC = WORLD.posterior(TEST, information, 96)
    np.testing.assert_allclose(posterior_NC.sum(axis=1), 1)
    surprise = credit(posterior_NC) - posterior_NC.max(axis=1)
    assert abs(surprise.mean()) <= 4 * np.sqrt(np.mean(surprise**2) / len(surprise))


def test_the_world_is_hard_and_every_field_helps() -> None:
    image, both = accuracy("image"), accuracy("image+place+date")
    assert image == pytest.approx(1 / 3)
    assert image + 0.2 < min(accuracy("image+place"), accuracy("image+date"))
    assert max(accuracy("image+place"), accuracy("image+date")) + 0.1 < both < 0.95
    assert both > 0.85 and accuracy("place+date") < both - 0.2
    assert accuracy("date") < accuracy("place") < accuracy("place+date")


def test_marks_help_from_their_resolution_on() -> None:
    assert [accuracy("image", side) for side in (32, 63, 64, 95, 96)] == pytest.approx(
        [1 / 3, 1 / 3, 1 / 2, 1 / 2, 2 / 3]
    )


def test_a_missing_field_is_not_seen() -> None:
    placeless = TEST[~WORLD.records.place_time.take(TEST).has_place_N]
    dateless = TEST[~WORLD.records.place_time.take(TEST).has_date_N]
    assert len(placeless) and len(dateless)
    np.testing.assert_allclose(WORLD.posterior(placeless, "place", 48), 1 / 60)
    np.testing.assert_array_equal(
        WORLD.posterior(placeless, "image+place", 48), WORLD.posterior(placeless, "image", 48)
    )
    np.testing.assert_allclose(WORLD.posterior(dateless, "place+date", 48), WORLD.posterior(dateless, "place", 48))


def log_features(indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Oracle features (n, 3, C): log-densities of place, date and picture."""
    return np.stack(
        [np.log(WORLD.posterior(indices, field, 48) + 1e-30) for field in ("place", "date", "image")], axis=1
    )


def fit_weights(features_NFC: NDArray[np.float64], truth_N: NDArray[np.int64]) -> NDArray[np.float64]:
    """A multinomial logit with one weight a feature, by maximum likelihood."""

    def loss(weight_F: NDArray[np.float64]) -> float:
        score_NC = np.einsum("f,nfc->nc", weight_F, features_NFC)
        score_NC -= score_NC.max(axis=1, keepdims=True)
        return float((np.log(np.exp(score_NC).sum(axis=1)) - score_NC[np.arange(len(truth_N)), truth_N]).mean())

    found = minimize(
        loss, np.full(features_NFC.shape[1], 0.3), method="L-BFGS-B", bounds=[(-5, 5)] * features_NFC.shape[1]
    )
    return np.asarray(found.x)


def test_a_model_of_the_oracle_features_reaches_the_bound() -> None:
    weight_F = fit_weights(log_features(TRAIN), WORLD.records.category_N[TRAIN])
    assert weight_F[:2] == pytest.approx([1, 1], abs=0.1), "place and date are independent given the category"
    learned = credit(np.einsum("f,nfc->nc", weight_F, log_features(TEST)))
    assert learned.mean() > accuracy("image+place+date") - 0.005


def test_the_observer_tells_nothing_beyond_the_place() -> None:
    records = World(WorldConfig(per_category=200, observers=40)).records  # more records, so that the test has power
    half = np.flatnonzero((records.part_N == 0) & (records.place_time.observer_N >= 0))
    count, ask = half[::2], half[1::2]
    table_UC = np.ones((40, 60))
    np.add.at(table_UC, (records.place_time.observer_N[count], records.category_N[count]), 1)
    observer_NC = np.log(table_UC / table_UC.sum(axis=0))[records.place_time.observer_N[ask]]
    world = World(WorldConfig(per_category=200, observers=40))
    place_NC = np.log(world.posterior(ask, "place", 48) + 1e-30)
    truth = records.category_N[ask]
    alone = fit_weights(observer_NC[:, None], truth)
    beside = fit_weights(np.stack([place_NC, observer_NC], axis=1), truth)
    assert alone[0] > 0.5, "by itself it tells something: it stands for the place"
    assert abs(beside[1]) < 0.05 and beside[0] == pytest.approx(1, abs=0.06)


def test_the_pictures_nuisances_tell_nothing() -> None:
    scene = draw_scene(WORLD.config, WORLD.records.part_N, WORLD.records.serial_N, 1)
    nuisance_NK = np.column_stack(
        [scene.draw_NK, scene.grain_NHW3.reshape(len(scene.draw_NK), -1), WORLD.records.serial_N]
    )
    label_N = WORLD.records.category_N
    centre_CK = np.stack([nuisance_NK[TRAIN][label_N[TRAIN] == category].mean(axis=0) for category in range(60)])
    spread_K = nuisance_NK[TRAIN].std(axis=0) + 1e-9
    guess_N = np.argmin((((nuisance_NK[TEST][:, None] - centre_CK) / spread_K) ** 2).sum(axis=2), axis=1)
    assert binomtest(int((guess_N == TRUTH).sum()), len(TRUTH), 1 / 60).pvalue > 0.01


@pytest.mark.parametrize("field", ["place", "date", "style", "year"])
def test_what_is_missing_and_style_and_year_tell_nothing(field: str) -> None:
    where = WORLD.records.place_time
    observed_N = {
        "place": where.has_place_N.astype(int),
        "date": where.has_date_N.astype(int),
        "style": WORLD.images.styles(np.arange(len(where))),
        "year": where.date_N.astype("datetime64[Y]").astype(int) % 7 * where.has_date_N,
    }[field]
    table = np.zeros((60, observed_N.max() + 1))
    np.add.at(table, (WORLD.records.category_N, observed_N), 1)
    assert chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue > 0.01
