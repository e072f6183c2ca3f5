"""How far seeds of one setting scatter, pooled over a sweep's settings (as SCIENCE rule 11 does for Table S2)."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fieldmark.figures.sweep_scores import SweepScores, mean


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """A standard deviation over seeds and what it rests on."""

    std: float
    """In the unit of the values."""
    freedom: int
    """Degrees of freedom, at least 1."""

    def half_width(self, seeds: int) -> float:
        """Returns half the 95 % confidence interval of a mean over that many seeds (Student's t)."""
        from scipy.stats import t

        return float(t.ppf(0.975, self.freedom)) * self.std / math.sqrt(seeds)


def pooled_spread(groups: Iterable[Sequence[float]]) -> SeedSpread | None:
    """Returns the standard deviation pooled within groups, or None where no group has two values."""
    squares, freedom = 0.0, 0
    for values in groups:
        if len(values) > 1:
            centre = mean(values)
            squares += math.fsum((value - centre) ** 2 for value in values)
            freedom += len(values) - 1
    return SeedSpread(math.sqrt(squares / freedom), freedom) if freedom else None


def sweep_spread(scores: SweepScores) -> SeedSpread | None:
    """Returns the seed spread of test top-1 (fraction) over the sweep's PriorsNet settings."""
    return pooled_spread(one.values(scores.score) for one in scores.of_role("published", "search"))
