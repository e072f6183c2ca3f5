"""Draws accuracy against tuning budget."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.figures.drawing import COLOURS, dress, heading, plain, sign, write_figure
from fieldmark.figures.trained_runs import INK
from fieldmark.figures.tuning_budget import BudgetLine, By, TuningBudget, tuning_budget

if TYPE_CHECKING:
    from fieldmark.store import Store

FEWEST = 4
"""Trials of each method below which no verdict is given."""
BANDS = 4
"""With more methods only the first so many, the best ones, have their interval shaded: the JSON has all."""


def draw_tuning_budget(found: TuningBudget, folder: Path, stem: str = "tuning-budget") -> list[Path]:
    """Draws expected accuracy by number of trials; returns PNG, SVG and JSON."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    rows = -(-len(found.lines) // 2)
    figure = Figure(figsize=(9, 5.8 + 0.18 * rows), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    dress(axes, "trials tried (k)", "expected top-1 on test of the best on tune (%)")
    for place, line in enumerate(found.lines):
        _draw(axes, place, line, shaded=place < BANDS)
    axes.axvline(found.shared, color="#8a9099", linestyle=":", linewidth=1.3, zorder=0)
    axes.annotate(
        f"all have {found.shared}", (found.shared, 1), (0, 3), xycoords=axes.get_xaxis_transform(),
        textcoords="offset points", ha="center", fontsize=8, color="#5a6570",
    )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(y=0.06)
    plain(figure.legend(frameon=False, fontsize=8.5, labelcolor=INK, loc="outside lower left", ncols=2, handlelength=4))
    heading(figure, f"Better method, or better tuned? Accuracy against tuning budget, by {found.by}", _sentences(found))
    return write_figure(figure, found.to_json(), folder, stem)


def _draw(axes: Any, place: int, line: BudgetLine, *, shaded: bool) -> None:
    known = [k for k, value in enumerate(line.expected) if value is not None]
    style = sign(place) | {"linestyle": "-" if place < len(COLOURS) else "--"}
    percent = [100 * (line.expected[k] or 0.0) for k in known]
    stopped = f", {line.stopped} stopped early" if line.stopped else ""
    label = f"{line.name}: {line.trials} trial{'s' * (line.trials != 1)}{stopped}"
    every = max(1, len(known) // 12)
    axes.plot([k + 1 for k in known], percent, markersize=5, linewidth=1.8, label=label, markevery=every, **style)
    if shaded:
        low, high = ([100 * (ends[k] or 0.0) for k in known] for ends in (line.low, line.high))
        axes.fill_between([k + 1 for k in known], low, high, color=style["color"], alpha=0.13, linewidth=0)


def _sentences(found: TuningBudget) -> list[str]:
    some = " (of the four best)" * (len(found.lines) > BANDS)
    what = (
        f"Expected best of k trials drawn at random without replacement, selected on tune by {found.chosen_by}. "
        f"Bands: 95 % intervals by bootstrap over trials{some}; they end at the best trial there is, "
        "so they are too narrow where nearly all are drawn."
    )
    return [found.facts.sentence, what, verdict(found)]


def verdict(found: TuningBudget) -> str:
    """Returns what the two best methods' intervals say at half the budget that all have, where they can be trusted."""
    if len(found.lines) < 2:
        return "One method alone was tried: there is nothing to compare it with."
    k = (found.shared - 1) // 2
    ranked = sorted(found.lines, key=lambda line: -(line.expected[k] or 0.0))
    (first, top), (second, below) = ((line, _interval(line, k)) for line in ranked[:2])
    if top is None or below is None:
        return f"At {k + 1} trials each too many were stopped to compare."
    told = f"At {k + 1} trial{'s' * (k > 0)} each: {_say(first, k, top)}, {_say(second, k, below)}: "
    if found.shared < FEWEST:
        return told + f"fewer than {FEWEST} trials of a method say nothing of its tuning."
    if top[0] <= below[1]:
        return told + "the intervals overlap, so these trials do not tell a better method from better tuning."
    return told + "the intervals are apart: more than luck in tuning (luck of the test records is not in them)."


def _interval(line: BudgetLine, k: int) -> tuple[float, float] | None:
    low, high = line.low[k], line.high[k]
    return None if low is None or high is None else (low, high)


def _say(line: BudgetLine, k: int, ends: tuple[float, float]) -> str:
    return f"{line.name} {100 * (line.expected[k] or 0.0):.1f} [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"


def write_tuning_budget(store: "Store", sweep_id: str, folder: Path, by: By = "fusion") -> list[Path]:
    """Draws the budget of a sweep; returns PNG, SVG and JSON.

    Raises:
        UserError: as `tuning_budget`.
    """
    return draw_tuning_budget(tuning_budget(store, sweep_id, by), folder)
