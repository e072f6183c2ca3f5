"""Score sources: SCIENCE rules 3 and 4 on priors whose scores are known."""

from dataclasses import dataclass

import numpy as np
import pytest

from fieldmark.data.experiment import DenseScores, Part
from fieldmark.data.observations import PlaceTime
from fieldmark.training.metrics import metrics
from fieldmark.training.scores import ScoreSources, class_priors, fit_temperature, tempered


@dataclass(frozen=True)
class TablePrior:
    """Gives the row of a table that the longitude names."""

    table_NC: np.ndarray
    training_class_prior_C: np.ndarray
    raw_power: float = 1.0

    def applies(self, where):
        return where.has_place_N

    def corrected(self, where):
        known = where.has_place_N
        scores = np.ones((len(where), self.table_NC.shape[1]), np.float32)
        scores[known] = self.table_NC[where.longitude_N[known].astype(int)]
        return scores

    def raw(self, where):
        return self.corrected(where) ** self.raw_power


def part(category, longitude=None, images=None) -> Part:
    n = len(category)
    longitude_N = np.arange(n, dtype=float) if longitude is None else np.asarray(longitude, dtype=float)
    return Part(
        image_id=np.arange(n).astype(str),
        category_N=np.asarray(category, np.int32),
        place_time=PlaceTime(
            latitude_N=np.where(np.isnan(longitude_N), np.nan, 0.0),
            longitude_N=longitude_N,
            date_N=np.full(n, "NaT", "datetime64[D]"),
            observer_N=np.full(n, -1, np.int32),
        ),
        image_scores=None if images is None else DenseScores(scores_NC=np.asarray(images, np.float32)),
    )


def rows(sources, of) -> dict[str, np.ndarray]:
    return dict(sources.rows(of, np.arange(len(of))))


TRAIN = part([0] * 80 + [1] * 15 + [2] * 5)
SHARES = np.array([0.8, 0.15, 0.05])


def test_instance_balanced_posterior_is_the_corrected_score():
    prior = TablePrior(np.array([[0.2, 0.5, 0.3]]), SHARES)

    found = rows(ScoreSources(prior, class_priors(TRAIN, 3)), part([0], [0]))

    assert found["prior_posterior"] == pytest.approx(found["prior_corrected"], rel=1e-5)


def test_a_capped_sampler_gets_the_class_frequencies_back():
    counts, cap = np.array([80_000, 15_000, 50]), 100
    train = part(np.repeat([0, 1, 2], counts))
    shown = np.minimum(counts, cap)
    prior = TablePrior(np.ones((1, 3)), shown / shown.sum())

    factor_C = class_priors(train, 3).restoring_factor(prior.training_class_prior_C)

    # n_c / min(n_c, cap) up to a constant, and up to the pseudo-count for the rarest category
    assert factor_C / factor_C[0] == pytest.approx((counts / shown) / (counts / shown)[0], rel=0.02)


def test_a_category_the_training_set_never_showed_keeps_a_finite_factor():
    factor_C = class_priors(TRAIN, 4).restoring_factor(np.array([0.4, 0.3, 0.3, 0.0]))

    assert np.isfinite(factor_C).all() and (factor_C > 0).all()


def test_missing_place_leaves_image_scores_alone_and_priors_uninformed():
    prior = TablePrior(np.array([[0.2, 0.5, 0.3]]), SHARES)
    images = [[0.1, 0.1, 0.8], [0.6, 0.3, 0.1]]

    found = rows(ScoreSources(prior, class_priors(TRAIN, 3)), part([0, 0], [np.nan, 0], images))

    for name in ("prior_raw", "prior_corrected"):
        assert found[name][0] == pytest.approx([1 / 3] * 3)
    for name in ("prior_posterior", "prior_calibrated"):
        assert found[name][0] == pytest.approx(np.array([81, 16, 6]) / 103)
    for name in ("product_raw", "product_corrected", "product_bayes"):
        assert found[name][0] == pytest.approx(images[0])
        assert not np.allclose(found[name][1], images[1])


def test_product_bayes_counts_the_class_prior_once():
    # Image and place independent given the category: p(c|I,x) is proportional to p(c|I) p(c|x) / p(c).
    priors = class_priors(TRAIN, 3)
    likelihood_image, likelihood_place = np.array([1, 4, 2.0]), np.array([2, 1, 6.0])

    def posterior(likelihood):
        joint = likelihood * priors.overall_C
        return joint / joint.sum()

    prior = TablePrior(posterior(likelihood_place)[None], SHARES)
    found = rows(ScoreSources(prior, priors), part([0], [0], posterior(likelihood_image)[None]))

    assert found["product_bayes"][0] == pytest.approx(posterior(likelihood_image * likelihood_place), rel=1e-4)


def test_product_raw_is_as_published():
    prior = TablePrior(np.array([[0.9, 0.2, 0.99]]), SHARES, raw_power=0.5)
    found = rows(ScoreSources(prior, class_priors(TRAIN, 3)), part([0], [0], [[0.2, 0.5, 0.3]]))

    wanted = np.sqrt([0.9, 0.2, 0.99]) * [0.2, 0.5, 0.3]
    assert found["product_raw"][0] == pytest.approx(wanted / wanted.sum())


def test_every_score_is_normalised_and_images_decide_which_there_are():
    prior = TablePrior(np.random.default_rng(0).random((4, 3)), SHARES)
    sources = ScoreSources(prior, class_priors(TRAIN, 3), temperature=1.7)
    without, with_images = part([0, 1, 2, 0]), part([0, 1, 2, 0], images=np.full((4, 3), 1 / 3))

    assert tuple(rows(sources, without)) == sources.names(without)
    assert tuple(rows(sources, with_images)) == sources.names(with_images)
    for name, scores_NC in rows(sources, with_images).items():
        assert scores_NC.sum(axis=1) == pytest.approx(np.ones(4), rel=1e-5), name


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_spoiled_a_posterior_is_found(temperature):
    generator = np.random.default_rng(3)
    true_NC = generator.dirichlet(np.full(3, 0.5), 20_000)
    category = (generator.random((20_000, 1)) > np.cumsum(true_NC, axis=1)).sum(axis=1).clip(0, 2)
    spoiled_NC = tempered(true_NC.astype(np.float32), 1 / temperature)
    prior = TablePrior(spoiled_NC, SHARES)
    tune = part(category)
    priors = class_priors(TRAIN, 3)

    found = fit_temperature(prior, priors, tune)

    assert found == pytest.approx(temperature, rel=0.05)
    before, after = rows(ScoreSources(prior, priors), tune), rows(ScoreSources(prior, priors, found), tune)
    loss = [metrics(one["prior_calibrated"], tune.category_N).metrics()["log_loss"] for one in (before, after)]
    assert loss[1] <= loss[0] + 1e-6


def test_calibration_keeps_the_ranks():
    generator = np.random.default_rng(4)
    prior = TablePrior(generator.dirichlet(np.ones(30), 50), np.full(30, 1 / 30))
    train, tune = part(np.arange(300) % 30), part(generator.integers(0, 30, 50))

    found = rows(ScoreSources(prior, class_priors(train, 30), 2.3), tune)

    ranks = [metrics(found[name], tune.category_N).rank_N for name in ("prior_posterior", "prior_calibrated")]
    assert np.array_equal(*ranks)


def test_without_tune_records_the_temperature_is_one():
    prior = TablePrior(np.ones((1, 3)), SHARES)

    assert fit_temperature(prior, class_priors(TRAIN, 3), part([-1, 0], [0, np.nan])) == 1.0
