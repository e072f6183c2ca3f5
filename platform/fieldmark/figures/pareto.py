"""Accuracy against cost: what no other setting beats in both."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.errors import UserError
from fieldmark.figures.drawing import Facts, dress, heading, plain, sign, write_figure
from fieldmark.figures.image_sweep_reading import ImageSweep, Trial
from fieldmark.figures.trained_runs import INK, spread

COSTS = {"parameters": "parameters", "multiply_adds": "multiply-adds of one picture"}
DOMINATED = "#b4bcc5"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoPoint:
    """One setting."""

    number: int
    label: str
    role: str
    cost: int
    tune: float
    """Mean top-1 over seeds, a fraction."""
    test: tuple[float, ...]
    """Top-1, a value a seed."""
    on_front: bool
    """Whether no other setting is as cheap and better on tune, or as good there and cheaper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pareto:
    """All settings that were tried to their end, and the image-only baseline."""

    facts: Facts
    sweep: str
    cost: str
    points: tuple[ParetoPoint, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns values that `json.dumps` takes."""
        return asdict(self)


def front(cost_N: NDArray[np.float64], value_N: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns which settings are not dominated: none costs no more and is worth no less, with one of the two better."""
    no_dearer_NN = cost_N[:, None] >= cost_N[None]
    no_worse_NN = value_N[:, None] <= value_N[None]
    better_NN = (cost_N[:, None] > cost_N[None]) | (value_N[:, None] < value_N[None])
    dominated_N = np.asarray((no_dearer_NN & no_worse_NN & better_NN).any(axis=1), dtype=np.bool_)
    return np.logical_not(dominated_N)


def pareto(sweep: ImageSweep) -> Pareto:
    """Returns the settings with their place on or off the front, which tune alone decides (SCIENCE rule 5).

    Raises:
        UserError: nothing was tried to its end.
    """
    shown = [one for one in sweep.trials if one.complete and one.role != "confirmation"]
    if not shown:
        raise UserError(f"sweep {sweep.sweep}: nothing in it has been tried to its end and evaluated on test yet")
    costs = [_cost(one, sweep.cost) for one in shown]
    values = [one.on_tune for one in shown]
    kept = front(np.array(costs, float), np.array(values))
    points = [
        ParetoPoint(
            number=one.number,
            label=one.label,
            role=one.role,
            cost=cost,
            tune=one.on_tune,
            test=one.test[""],
            on_front=bool(on),
        )
        for one, cost, on in zip(shown, costs, kept, strict=True)
    ]
    return Pareto(facts=sweep.facts("test"), sweep=sweep.sweep, cost=sweep.cost, points=tuple(points))


def _cost(trial: Trial, name: str) -> int:
    return trial.multiply_adds if name == "multiply_adds" else trial.parameters


def write_pareto(found: Pareto, folder: Path, stem: str = "pareto") -> list[Path]:
    """Draws test accuracy against cost; returns PNG, SVG and JSON."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 6), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    dress(axes, COSTS[found.cost], "top-1 on test (%)")
    best = sorted((one for one in found.points if one.on_front), key=lambda one: one.cost)
    for one in found.points:
        _draw(axes, one)
    axes.plot([one.cost for one in best], [_percent(one) for one in best], color=sign(0)["color"], linewidth=1.2)
    axes.margins(x=0.05, y=0.08)
    axes.xaxis.set_major_formatter(_short)
    _name(axes, best)
    shape: dict[str, Any] = {
        "frameon": False,
        "fontsize": 8.5,
        "labelcolor": INK,
        "loc": "outside lower left",
        "ncols": 4,
    }
    plain(figure.legend(handles=_signs(), **shape))
    said = (
        f"Front: settings that none beats in {COSTS[found.cost]} and top-1 on tune; tune decides, test is shown, so "
        "the line may bend back. Dots: mean over seeds; bars: from the lowest to the highest seed."
    )
    heading(figure, f"Accuracy against {COSTS[found.cost]}", [found.facts.sentence, said])
    return write_figure(figure, found.to_json(), folder, stem)


def _percent(one: ParetoPoint) -> float:
    return 100 * float(np.mean(one.test))


def _draw(axes: Any, one: ParetoPoint) -> None:
    style = _style(one.on_front, one.role == "baseline")
    ends = [[_percent(one) - 100 * min(one.test)], [100 * max(one.test) - _percent(one)]]
    axes.errorbar(one.cost, _percent(one), yerr=ends, fmt=style.pop("marker"), capsize=2.5, elinewidth=1, **style)


def _style(on_front: bool, baseline: bool) -> dict[str, Any]:
    colour = sign(0)["color"] if on_front else DOMINATED
    shape = {"marker": "s" if baseline else "o", "color": colour, "mec": "white" if on_front else colour}
    return {**shape, "markersize": 8 if on_front else 5, "zorder": 3 if on_front else 1}


def _signs() -> list[Any]:
    from matplotlib.lines import Line2D

    names = {(True, False): "on the front", (False, False): "dominated", (True, True): "image-only, on the front",
             (False, True): "image-only, dominated"}  # fmt: skip
    return [Line2D([], [], linestyle="", label=name, **_style(*which)) for which, name in names.items()]


def _name(axes: Any, best: list[ParetoPoint]) -> None:
    """Names the front's settings at the right edge, apart from each other, each tied to its dot."""
    low, high = axes.get_ylim()
    places = spread([_percent(one) for one in best], (high - low) * 0.045)
    for one, place in zip(best, places, strict=True):
        axes.annotate(
            f"{one.label}  {_percent(one):.1f}", (one.cost, _percent(one)), (1.02, place),
            textcoords=axes.get_yaxis_transform(), fontsize=8, color=INK, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "#8a9099", "linewidth": 0.5, "relpos": (0, 0.5)},
        ).set_parse_math(False)  # fmt: skip


def _short(value: float, _: Any) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
