"""Score sources: what may be ranked for a record, from a prior, from an image model, or from both.

Every score of SCIENCE rules 3 and 4, for a record with image probabilities p, raw prior r and corrected prior q:

| source              | score, normalised over categories | where the prior does not apply | class prior inside      |
|---------------------|-----------------------------------|--------------------------------|-------------------------|
| `image`             | p                                 | p                              | training set            |
| `prior_raw`         | r, as published                   | uniform                        | distorted by saturation |
| `prior_corrected`   | q                                 | uniform                        | training sampler        |
| `prior_posterior`   | q * f / s                         | f of the whole training set    | training set            |
| `prior_calibrated`  | (q * f / s)^(1/T)                 | f of the whole training set    | training set            |
| `product_raw`       | p * r, as published               | p                              | counted twice           |
| `product_corrected` | p * q                             | p                              | counted twice           |
| `product_bayes`     | p * prior_calibrated / f          | p                              | training set, once      |
| `joint`             | the joint model's own             | the joint model's own          | the model's loss        |

f is the class prior of the training set, (1 + n_c) / sum; s is the class prior that the prior's sampler showed it,
smoothed by the same pseudo-count, so that f / s is 1 for an instance-balanced sampler and follows
n_c / min(n_c, cap) for a capped one. In f / s the training records with a known place count, since the prior has
learned from no others; the f of `product_bayes` is that of the image scores: all training records. T is one
temperature for all records, fitted by log-loss on the tune part.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.experiment import Part
from fieldmark.data.observations import Indices
from fieldmark.training.interfaces import FittedPrior

Scores = NDArray[np.float32]
TINY = np.float32(1e-30)

FIT_ROWS = 20_000
FIT_SCORES = 20_000_000
TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPriors:
    """Smoothed category frequencies of the training set."""

    records: int
    """Labelled training records with a known place."""
    overall_C: NDArray[np.float64]
    """Over all labelled training records; sums to 1."""
    placed_C: NDArray[np.float64]
    """Over those with a known place; sums to 1."""

    def restoring_factor(self, sampler_prior_C: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the factor (C) from the sampler's class prior to the training set's, f / s of the table above."""
        smoothed_C = (1 + self.records * sampler_prior_C) / (self.records + len(sampler_prior_C))
        return self.placed_C / smoothed_C


def class_priors(train: Part, num_categories: int) -> ClassPriors:
    """Counts the training records' categories."""
    known_N = train.category_N >= 0
    placed_N = known_N & train.place_time.has_place_N
    return ClassPriors(
        records=int(placed_N.sum()),
        overall_C=_frequencies(train.category_N[known_N], num_categories),
        placed_C=_frequencies(train.category_N[placed_N], num_categories),
    )


@dataclass(frozen=True, slots=True)
class ScoreSources:
    """Gives every score of a prior for records of a part.

    Attributes:
        prior: The fitted prior.
        priors: The training set's class priors.
        temperature: T of `prior_calibrated`.
    """

    prior: FittedPrior
    priors: ClassPriors
    temperature: float = 1.0

    def names(self, part: Part) -> tuple[str, ...]:
        """Returns the sources that this part allows."""
        alone = ("prior_raw", "prior_corrected", "prior_posterior", "prior_calibrated")
        return alone if part.image_scores is None else (*alone, "product_raw", "product_corrected", "product_bayes")

    def rows(self, part: Part, indices: Indices) -> Iterator[tuple[str, Scores]]:
        """Yields each source's name and its normalised scores (n, C) of these records, one source at a time."""
        where = part.place_time.take(indices)
        applies_N = self.prior.applies(where)
        raw_NC, corrected_NC = self.prior.raw(where), self.prior.corrected(where)
        image_NC = None if part.image_scores is None else normalised(part.image_scores.rows(indices))

        yield "prior_raw", _where(applies_N, normalised(raw_NC), 1 / raw_NC.shape[1])
        yield "prior_corrected", _where(applies_N, normalised(corrected_NC), 1 / raw_NC.shape[1])
        posterior_NC = self._posterior(corrected_NC)
        yield "prior_posterior", _where(applies_N, posterior_NC, self.priors.overall_C)
        calibrated_NC = _where(applies_N, tempered(posterior_NC, self.temperature), self.priors.overall_C)
        yield "prior_calibrated", calibrated_NC
        if image_NC is not None:
            yield "product_raw", _where(applies_N, product(image_NC, raw_NC), image_NC)
            yield "product_corrected", _where(applies_N, product(image_NC, corrected_NC), image_NC)
            evidence_NC = calibrated_NC * (1 / self.priors.overall_C).astype(np.float32)
            yield "product_bayes", _where(applies_N, product(image_NC, evidence_NC), image_NC)

    def posterior(self, part: Part, indices: Indices) -> Scores:
        """Returns `prior_posterior` (n, C) of records at which the prior applies."""
        return self._posterior(self.prior.corrected(part.place_time.take(indices)))

    def _posterior(self, corrected_NC: Scores) -> Scores:
        factor_C = self.priors.restoring_factor(self.prior.training_class_prior_C)
        return normalised(corrected_NC * factor_C.astype(np.float32))


def fit_temperature(prior: FittedPrior, priors: ClassPriors, tune: Part) -> float:
    """Returns the temperature that gives `prior_posterior` its least log-loss on the tune part; 1 without records.

    Only records at which the prior applies count. At most 20,000 of them and 20 million scores are used, evenly
    spaced over the part; more would not move one scalar.

    Returns:
        T in [0.05, 20], to about 0.1 %.
    """
    from scipy.optimize import minimize_scalar

    num_categories = len(priors.overall_C)
    usable = np.flatnonzero((tune.category_N >= 0) & prior.applies(tune.place_time))
    most = max(1, min(FIT_ROWS, FIT_SCORES // num_categories, len(usable)))
    chosen = usable[np.linspace(0, len(usable) - 1, most).astype(np.int64)] if len(usable) else usable
    if not len(chosen):
        return 1.0
    log_NC = np.log(np.maximum(ScoreSources(prior, priors).posterior(tune, chosen), TINY))
    log_NC -= log_NC.max(axis=1, keepdims=True)
    true_N = np.take_along_axis(log_NC, tune.category_N[chosen, None], axis=1)[:, 0].astype(np.float64)

    def log_loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        total_N = np.exp(log_NC * np.float32(inverse)).sum(axis=1, dtype=np.float64)
        return float((np.log(total_N) - inverse * true_N).mean())

    bounds = tuple(np.log(TEMPERATURES))
    found = minimize_scalar(log_loss, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def normalised(scores_NC: Scores) -> Scores:
    """Returns rows that sum to 1; a row of zeros becomes uniform."""
    total_N1: Scores = scores_NC.sum(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    empty_N = total_N1[:, 0] <= 0
    if not empty_N.any():
        return scores_NC / total_N1
    total_N1[empty_N] = 1
    shares_NC = scores_NC / total_N1
    shares_NC[empty_N] = 1 / scores_NC.shape[1]
    return shares_NC


def product(image_NC: Scores, factor_NC: Scores) -> Scores:
    """Returns image scores times a prior's, normalised; the image scores alone where the product vanishes."""
    scores_NC = image_NC * factor_NC
    lost_N = scores_NC.max(axis=1) <= 0
    scores_NC[lost_N] = image_NC[lost_N]
    return normalised(scores_NC)


def tempered(scores_NC: Scores, temperature: float) -> Scores:
    """Returns scores to the power 1 / temperature, normalised."""
    powers_NC: Scores = np.log(np.maximum(scores_NC, TINY))
    powers_NC *= np.float32(1 / temperature)
    powers_NC -= powers_NC.max(axis=1, keepdims=True)
    return normalised(np.exp(powers_NC))


def _where(applies_N: NDArray[np.bool_], scores_NC: Scores, otherwise: Scores | NDArray[np.float64] | float) -> Scores:
    if applies_N.all():
        return scores_NC
    filled_NC = scores_NC.copy()
    filled_NC[~applies_N] = np.broadcast_to(np.asarray(otherwise), scores_NC.shape)[~applies_N]
    return filled_NC


def _frequencies(labels_N: NDArray[np.int32], num_categories: int) -> NDArray[np.float64]:
    counts_C = 1.0 + np.bincount(labels_N, minlength=num_categories)
    return np.asarray(counts_C / counts_C.sum())
