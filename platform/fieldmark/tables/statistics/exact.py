"""Exact tests on the images that two classifiers judge differently, and Holm's correction."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fieldmark.tables.statistics.distributions import binomial_tail


def _discordant(hits_N: NDArray[np.floating], other_N: NDArray[np.floating]) -> tuple[int, int]:
    return int((hits_N > other_N).sum()), int((hits_N < other_N).sum())


def mcnemar(hits_N: NDArray[np.floating], other_N: NDArray[np.floating]) -> float:
    """Returns the exact two-sided p-value that two trained models are equally accurate.

    It compares two models, not two methods: the spread over seeds is not in it.

    Args:
        hits_N: top-1 credit of the first model on N images.
        other_N: of the second, on the same images.
    """
    more, fewer = _discordant(hits_N, other_N)
    return min(1.0, 2 * binomial_tail(max(more, fewer), more + fewer))


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """Returns p-values corrected over a family, in the order given; none is smaller than before or above 1.

    Args:
        p_values: the p-values, or the smallest ones of the family.
        family: its size, where not all are given.
    """
    size = len(p_values) if family is None else family
    order = np.argsort(p_values, kind="stable")
    ranked = np.asarray(p_values, dtype=np.float64)[order] * np.arange(size, size - len(p_values), -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(ranked), 1.0) if len(p_values) else ranked
    return [float(value) for value in corrected]


def bound_violations(
    runs_RN: NDArray[np.floating], bound_N: NDArray[np.floating], family: int | None = None
) -> list[float]:
    """Returns for each run the corrected p-value of beating the bound (SCIENCE rule 20).

    One-sided and exact: under the null a run is right where the Bayes classifier is wrong no more often than the other
    way round. Holm over the runs, because the best of many may be lucky. A violation is claimed below 0.05 only.

    Args:
        runs_RN: top-1 credit of R runs on N images.
        bound_N: that of the Bayes classifier on the same images.
        family: number of runs that were looked at; those not given are no better than the bound.
    """
    raw = []
    for run_N in runs_RN:
        more, fewer = _discordant(run_N, bound_N)
        raw.append(binomial_tail(more, more + fewer))
    return holm(raw, family)
