"""Whether a measurement reproduces a published value (SCIENCE rule 10)."""

import math
from dataclasses import dataclass
from typing import Literal

from fieldmark.tables.statistics.distributions import student_quantile
from fieldmark.tables.statistics.summary import Summary

Verdict = Literal["reproduced", "differs", "undecidable at this n"]

USEFUL_HALF_WIDTH = 0.01
"""An interval whose seed part reaches further than one point of accuracy says nothing when the value lies inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A verdict and the interval it rests on, as fractions."""

    verdict: Verdict
    low: float | None
    high: float | None


def reproduction(measured: Summary, published: float, test_images: int) -> Reproduction:
    """Compares seeds with a published value that is one run on a finite test set.

    The interval for one further run is mean ± t·s·√(1 + 1/n) at 95 %. It is widened, in quadrature, by 1.96 standard
    errors √(p(1-p)/N) of the published value. A value outside it *differs*, however wide the interval is. A value
    inside is *reproduced*, unless the seed part alone is wider than `USEFUL_HALF_WIDTH`. Then, and with a single seed,
    it is *undecidable at this n*: more seeds would help. (The published value's own error does not shrink with seeds,
    so it does not make a row undecidable; the table prints it.)

    Args:
        measured: accuracy over seeds, fractions.
        published: the printed value as a fraction.
        test_images: N of the published test set.
    """
    if measured.std is None:
        return Reproduction(verdict="undecidable at this n", low=None, high=None)
    seeds = student_quantile(0.975, measured.n - 1) * measured.std * math.sqrt(1 + 1 / measured.n)
    sampling = 1.96 * math.sqrt(published * (1 - published) / test_images)
    half = math.hypot(seeds, sampling)
    low, high = measured.mean - half, measured.mean + half
    verdict: Verdict = "differs"
    if low <= published <= high:
        verdict = "reproduced" if seeds <= USEFUL_HALF_WIDTH else "undecidable at this n"
    return Reproduction(verdict=verdict, low=low, high=high)
