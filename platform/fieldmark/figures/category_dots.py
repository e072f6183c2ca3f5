"""Accuracy by category where there are few: a line each, with its name and the number of its test records."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.figures.trained_runs import DPI, GREY, INK, bare, title

if TYPE_CHECKING:
    from fieldmark.figures.category_accuracy import Accuracies

MOST_A_COLUMN = 44
INCHES_A_LINE = 0.185
HEAD_INCHES = 1.35
WIDTH = 8.4


def draw(found: "Accuracies", path: Path) -> None:
    """Draws a dot a run on each category's line: joined by the difference for several runs, and with Wilson's 95 %
    interval for one."""
    from matplotlib.figure import Figure

    count = len(found.names_C)
    columns = -(-count // MOST_A_COLUMN)
    lines = -(-count // columns)
    size = (WIDTH + 5.2 * (columns - 1), HEAD_INCHES + INCHES_A_LINE * lines)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    panels = figure.subplots(1, columns, squeeze=False, sharex=True)[0]
    for column, axes in enumerate(panels):
        # The best on top of the first column: that is where one begins to read.
        places = range(count - 1 - column * lines, max(-1, count - 1 - (column + 1) * lines), -1)
        _draw_column(axes, found, places, lines)
    _head(panels[0], found)
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def _draw_column(axes: Any, found: "Accuracies", places: range, lines: int) -> None:
    several = len(found.runs) > 1
    for line, place in enumerate(places):
        values = [100 * value for value in found.share_RC[:, place]]
        if several:
            axes.plot([values[0], values[-1]], [line, line], color="#c3cbd4", linewidth=2.2, zorder=1)
        else:
            low, high = found.interval(place)
            axes.plot([100 * low, 100 * high], [line, line], color="#c3cbd4", linewidth=2.2, zorder=1)
        if found.control_C is not None:
            axes.plot(100 * found.control_C[place], line, "o", mfc="white", mec=GREY, markersize=4.5, zorder=2)
        for run, value in zip(found.runs, values, strict=True):
            axes.plot(value, line, "o", color=run.colour, markersize=5.5, mec="white", mew=0.6, zorder=3)
        note = f"n {found.n_C[place]}" + (f"  {values[-1] - values[0]:+.0f}" if several else "")
        axes.text(103.5, line, note, fontsize=7, color=GREY, va="center")
    axes.set_yticks(range(len(places)), [found.names_C[place] for place in places], fontsize=7.5, parse_math=False)
    axes.set_ylim(lines - 0.4, -0.6)
    axes.set_xlim(-2, 102)
    bare(axes)
    axes.tick_params(axis="y", labelsize=7.5)
    axes.grid(axis="x", color="#dfe4ea", linewidth=0.7)
    axes.set_xlabel("accuracy on test (%)", fontsize=9, color=INK)


def _head(axes: Any, found: "Accuracies") -> None:
    from fieldmark.figures.category_accuracy import about, caution
