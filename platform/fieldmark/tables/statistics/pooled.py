"""Analysis of variance over the settings of a table (SCIENCE rule 11)."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fieldmark.tables.statistics.distributions import f_tail


@dataclass(frozen=True, slots=True, kw_only=True)
class OneWay:
    """Groups against the spread within them."""

    std: float
    """Pooled within groups, in the values' unit."""
    freedom: int
    """Degrees of freedom of `std`."""
    f: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedEffects:
    """Outer groups, inner groups within them, and the spread of repeats; F and p are None where there is no choice."""

    std: float
    freedom: int
    outer_f: float | None
    outer_p: float | None
    inner_f: float | None
    inner_p: float | None


def _within(groups: Sequence[Sequence[float]]) -> tuple[float, int]:
    squares = sum(float(((np.asarray(group) - np.mean(group)) ** 2).sum()) for group in groups)
    return squares, sum(len(group) - 1 for group in groups)


def _between(groups: Sequence[Sequence[float]]) -> tuple[float, int]:
    grand = np.mean(np.concatenate([np.asarray(group) for group in groups]))
    return float(sum(len(group) * (np.mean(group) - grand) ** 2 for group in groups)), len(groups) - 1


def _ratio(squares: float, freedom: int, residual: float, residual_freedom: int) -> tuple[float | None, float | None]:
    if not freedom or residual <= 0:
        return None, None
    f = (squares / freedom) / (residual / residual_freedom)
    return f, f_tail(f, freedom, residual_freedom)


def one_way(groups: Sequence[Sequence[float]]) -> OneWay:
    """Returns the one-way analysis of at least two groups with some spread within them."""
    squares, freedom = _within(groups)
    f, p = _ratio(*_between(groups), squares, freedom)
    assert f is not None
    assert p is not None
    return OneWay(std=math.sqrt(squares / freedom), freedom=freedom, f=f, p=p)


def nested_effects(cells: Mapping[Hashable, Sequence[Sequence[float]]]) -> NestedEffects | None:
    """Returns the effects of the outer key, of the settings within it, and the spread over seeds.

    Args:
        cells: outer key (batch and rate) to its settings, each a list of values over seeds.

    Returns:
        None where no setting was repeated.
    """
    settings = [values for inner in cells.values() for values in inner]
    residual, freedom = _within(settings)
    if not freedom:
        return None
    inner = [_between(group) for group in cells.values()]
    outer = _between([[value for values in group for value in values] for group in cells.values()])
    inner_f, inner_p = _ratio(sum(squares for squares, _ in inner), sum(df for _, df in inner), residual, freedom)
    outer_f, outer_p = _ratio(*outer, residual, freedom)
    std = math.sqrt(residual / freedom)
    return NestedEffects(std=std, freedom=freedom, outer_f=outer_f, outer_p=outer_p, inner_f=inner_f, inner_p=inner_p)
