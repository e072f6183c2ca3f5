"""Mean and spread over seeds, and the smallest difference that so many seeds could show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fieldmark.tables.statistics.distributions import student_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One metric over seeds."""

    n: int
    mean: float
    std: float | None
    """With n - 1 in the denominator; None for a single seed."""


def summarise(values: Sequence[float]) -> Summary:
    """Returns mean and standard deviation (ddof = 1) of at least one value."""
    assert len(values) > 0
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Summary(n=len(values), mean=float(np.mean(values)), std=spread)


def pooled_std(groups: Sequence[Summary]) -> tuple[float | None, int]:
    """Returns the standard deviation pooled over groups and its degrees of freedom; None and 0 without repeats."""
    spread = [(group.std, group.n - 1) for group in groups if group.std is not None]
    freedom = sum(df for _, df in spread)
    if not freedom:
        return None, 0
    return math.sqrt(sum(std**2 * df for std, df in spread) / freedom), freedom


def minimum_detectable_difference(std: float, freedom: int, seeds: int, *, power: float = 0.8) -> float:
    """Returns the smallest true difference of two means that a two-sided 5 % test finds with that power.

    Args:
        std: standard deviation over seeds, in the unit of the answer.
        freedom: degrees of freedom of `std`, at least 1.
        seeds: seeds in each of the two means.
        power: chance to find it.
    """
    reach = student_quantile(0.975, freedom) + student_quantile(power, freedom)
    return reach * std * math.sqrt(2 / seeds)
