"""Accuracy by category where there are few: a line each, with its name and the number of its test records."""

from pathlib import Path
from typing import Any

from fieldmark.figures.category_head import HEAD_INCHES, draw_head
from fieldmark.figures.category_reading import Accuracies
from fieldmark.figures.trained_runs import DPI, GREY, INK, bare

MOST_A_COLUMN = 66
INCHES_A_LINE = 0.19
FOOT_INCHES = 0.5
INCHES_A_COLUMN = 6.4
_BAR = "#c3cbd4"


def draw_dots(found: Accuracies, path: Path) -> None:
    """Draws a dot a run on each category's line: joined for several runs, with an interval for one."""
    from matplotlib.figure import Figure

    count = len(found.names_C)
    columns = -(-count // MOST_A_COLUMN)
    lines = -(-count // columns)
    body = INCHES_A_LINE * lines + FOOT_INCHES
    size = (max(8.0, INCHES_A_COLUMN * columns), HEAD_INCHES + body)
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    grid = figure.add_gridspec(2, columns, height_ratios=(HEAD_INCHES, body))
    draw_head(figure.add_subplot(grid[0, :]), found)
    for column in range(columns):
        # The best on top of the first column: that is where one begins to read.
        highest = count - 1 - column * lines
        places = range(highest, max(-1, highest - lines), -1)
        _draw_column(figure.add_subplot(grid[1, column]), found, places, lines)
    figure.savefig(path, dpi=DPI, metadata={"Software": None})


def _draw_column(axes: Any, found: Accuracies, places: range, lines: int) -> None:
    for line, place in enumerate(places):
        _draw_line(axes, found, line, place)
    axes.set_yticks(range(len(places)), [found.names_C[place] for place in places], parse_math=False)
    axes.set(ylim=(lines - 0.4, -0.6), xlim=(-2, 102))
    bare(axes)
    axes.tick_params(axis="y", labelsize=7.5)
    axes.grid(axis="x", color="#dfe4ea", linewidth=0.7)
    axes.set_xlabel("accuracy on test (%)", fontsize=9, color=INK)


def _draw_line(axes: Any, found: Accuracies, line: int, place: int) -> None:
    several = len(found.runs) > 1
    shares = found.share_RC[:, place]
    low, high = (shares.min(), shares.max()) if several else found.interval(place)
    axes.plot([100 * low, 100 * high], [line, line], color=_BAR, linewidth=2.2, zorder=1, solid_capstyle="round")
    if found.control_C is not None:
        style = {"mfc": "white", "mec": GREY, "markersize": 4.5}
        axes.plot(100 * found.control_C[place], line, "o", **style, zorder=2)
    for run, share in zip(found.runs, shares, strict=True):
        axes.plot(100 * share, line, "o", color=run.colour, markersize=5.5, mec="white", mew=0.6, zorder=3)
    note = f"n {found.n_C[place]}"
    if len(found.runs) == 2:
        note = f"{100 * (shares[1] - shares[0]):+.0f}   {note}".replace("-", "−")
    axes.annotate(note, (1.01, line), xycoords=axes.get_yaxis_transform(), fontsize=7, color=GREY, va="center")
