"""What image sweeps are judged by: accuracy on tune first, and what a model costs where that is asked for, too."""

from collections.abc import Sequence
from typing import Literal

ObjectiveName = Literal["accuracy", "parameters", "multiply_adds"]
"""`accuracy`: top-1 on tune by the run's own view; `parameters`; `multiply_adds` of one picture's forward pass."""

DIRECTIONS: dict[ObjectiveName, Literal["maximize", "minimize"]] = {
    "accuracy": "maximize",
    "parameters": "minimize",
    "multiply_adds": "minimize",
}
"""Which values are good, in Optuna's words."""


def directions(names: Sequence[ObjectiveName]) -> list[str]:
    """Returns Optuna's directions, one an objective."""
    return [DIRECTIONS[name] for name in names]


def pareto_front(values: Sequence[Sequence[float]], names: Sequence[ObjectiveName]) -> list[int]:
    """Returns the positions that no other beats: better in one objective and worse in none.

    Args:
        values: one row a setting, one value an objective; equal rows are all on the front.
        names: of the objectives.
    """
    signs = [1.0 if DIRECTIONS[name] == "maximize" else -1.0 for name in names]
    good = [[sign * value for sign, value in zip(signs, row, strict=True)] for row in values]
    return [place for place, one in enumerate(good) if not any(_beats(other, one) for other in good)]


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)
