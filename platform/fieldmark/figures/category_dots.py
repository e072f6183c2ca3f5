"""Accuracy by category where there are few: a line each, with its name and the number of its test records."""

from pathlib import Path
from typing import Any

from fieldmark.figures.category_head import HEAD_INCHES, draw_head
from fieldmark.figures.category_reading import Accuracies
from fieldmark.figures.trained_runs import GREY, INK, bare, save

MOST_A_COLUMN = 66
INCHES_A_LINE = 0.19
FOOT_INCHES = 0.5
INCHES_A_COLUMN = 6.4
COLUMN_POINTS = (26, 54)
"""Right of the plot: where the columns of figures end."""
DOT, RING = 5.5, 4.0
"""A dot's diameter, and by how much one below another is wider, in points."""
SAME = 0.75
"""Dots of no more percentage points between them hide each other."""
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
    save(figure, path)


def _draw_column(axes: Any, found: Accuracies, places: range, lines: int) -> None:
    heading = {"fontsize": 7.5, "color": INK, "fontweight": "bold"}
    _draw_figures(axes, -1, "n", "gain" if len(found.runs) == 2 else "", **heading)
    for line, place in enumerate(places):
        _draw_line(axes, found, line, place)
        _draw_figures(axes, line, str(found.n_C[place]), _gain(found, place), fontsize=7, color=GREY)
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
    dots = [(100 * share, run.colour, "white") for run, share in zip(found.runs, shares, strict=True)]
    if found.control_C is not None:
        dots.insert(0, (100 * found.control_C[place], "white", GREY))
    for order, (x, fill, edge) in enumerate(dots):
        # A dot under another is wider, so that it shows as a ring around it.
        hidden_by = sum(abs(x - later) <= SAME for later, _, _ in dots[order + 1 :])
        style = {"mfc": fill, "mec": edge, "mew": 0.8, "markersize": DOT + RING * hidden_by}
        axes.plot(x, line, "o", **style, zorder=2 + order)


def _gain(found: Accuracies, place: int) -> str:
    """Returns the second run's accuracy less the first's in percentage points; nothing but for two runs."""
    if len(found.runs) != 2:
        return ""
    gain = round(100 * (found.share_RC[1, place] - found.share_RC[0, place]))
    return f"{gain:+d}".replace("-", "−") if gain else "0"


def _draw_figures(axes: Any, line: float, n: str, gain: str, **style: Any) -> None:
    """Writes the columns to the right of a line, aligned right."""
    # The gain stands next to the plot; alone, n takes its place.
    columns = [gain, n] if gain else [n]
    for text, points in zip(columns, COLUMN_POINTS, strict=False):
        axes.annotate(
            text, (1, line), (points, 0), xycoords=axes.get_yaxis_transform(), textcoords="offset points",
            ha="right", va="center_baseline", annotation_clip=False, **style,
        )  # fmt: skip
