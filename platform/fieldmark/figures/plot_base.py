"""What a page's plotly figures share: no background, so that they stand on light and dark, and named lines."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

LINE_HEIGHT = 25
"""Pixels a line of a plot with one line a setting."""
GREY = "#8a9099"
_RULE, _GRID = "rgba(128,128,128,0.5)", "rgba(128,128,128,0.22)"


def empty_figure(*, height: int, x_title: str, y_title: str = "") -> go.Figure:
    """Returns a figure without traces; the page sets the colour of its text.

    Args:
        height: in pixels; the width is that of the page.
        x_title: of the horizontal axis.
        y_title: of the vertical axis.
    """
    axis = {"gridcolor": _GRID, "linecolor": _RULE, "zeroline": False, "automargin": True}
    return go.Figure(
        layout={
            "template": go.layout.Template(),
            "height": height,
            "margin": {"l": 8, "r": 16, "t": 48, "b": 48},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#6b7280"},
            "hoverlabel": {"align": "left"},
            "xaxis": {**axis, "title": {"text": x_title, "standoff": 10}},
            "yaxis": {**axis, "title": {"text": y_title, "standoff": 10}},
        }
    )


def name_lines(figure: go.Figure, names: Sequence[str]) -> None:
    """Labels the lines 0, 1, ... from top to bottom."""
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(len(names))), ticktext=list(names), range=[len(names) - 0.4, -0.6],
        showgrid=False, linecolor="rgba(0,0,0,0)",
    )  # fmt: skip


def log_ticks(values: Sequence[float]) -> list[float]:
    """Returns 1, 2 and 5 times powers of ten, from just below the smallest value (over 0) to just above the largest."""
    powers = range(math.floor(math.log10(min(values))) - 1, math.ceil(math.log10(max(values))) + 1)
    steps = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    return [step for step in steps if min(values) / 2.5 < step < max(values) * 2.5]


def vertical_line(figure: go.Figure, x: float, text: str, colour: str, dash: str, *, level: int = 0) -> None:
    """Draws a line from top to bottom with its text above the plot.

    Args:
        figure: its horizontal axis must have its type already.
        x: where.
        text: above the line.
        colour: of line and text.
        dash: plotly's name of a dash.
        level: 0 or 1; texts of different levels cannot overlap.
    """
    # On a logarithmic axis plotly's shapes take values, but its annotations exponents.
    place = math.log10(x) if figure.layout.xaxis.type == "log" else x
    line: dict[str, Any] = {"color": colour, "dash": dash, "width": 1.5}
    figure.add_shape(type="line", xref="x", yref="paper", x0=x, x1=x, y0=0, y1=1, line=line, layer="below")
    figure.add_annotation(
        x=place, xref="x", y=1, yref="paper", yanchor="bottom", yshift=2 + 16 * level, text=text, showarrow=False,
        font={"color": colour, "size": 12},
    )  # fmt: skip
