"""Draws where models look: a picture a row, two maps a model, marks circled (the supplement's Figure S3)."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.figures.drawing import CHARACTERS_AN_INCH, HEAD_INCHES, LINE_INCHES, SMALL, heading
from fieldmark.figures.trained_runs import INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL, GAP, BETWEEN = 1.3, 0.06, 0.2
"""Inches: side of a picture, between two, and between two models."""
LEFT, LABELS, FOOT = 0.4, 0.66, 1.15
"""Inches for the pictures' names, the models' and methods' names, and what stands below."""
SENTENCE_WIDTH = 6.5
COLOURS = "inferno"
SEEN_THROUGH = 0.62
"""Opacity of a map."""
LUMINANCE = (0.299, 0.587, 0.114)
CIRCLE = "#00e5ff"
WHOLE = (0, 1, 1, 0)
"""A picture's edges: left, right, bottom, top."""

Circle = tuple[float, float, float]
"""Column, row and radius as shares of the picture's side, from its upper left corner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapColumns:
    """One model's maps of P pictures, by method."""

    label: str
    image_PHW3: NDArray[np.uint8]
    """As this model was shown them."""
    maps: tuple[NDArray[np.float32] | None, ...]
    """A (P, H, W) from 0 to 1 for each method; None where there is none of this model."""
    below: tuple[str, ...]
    """What stands below each method's column; may be empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapPanel:
    """All that the figure shows."""

    title: str
    sentences: Sequence[str]
    methods: tuple[str, ...]
    names: Sequence[str]
    """Of the P pictures."""
    circles: Sequence[Sequence[Circle]]
    """Marks of each picture; may be none."""
    columns: Sequence[MapColumns]
    below: str
    """What stands below the pictures: what the numbers below the maps are."""


def draw_activation_maps(panel: MapPanel) -> "Figure":
    """Returns the figure: pictures in the first column, then the methods' maps of every model."""
    from matplotlib.figure import Figure

    rows, methods = len(panel.names), len(panel.methods)
    left_C = _lefts(len(panel.columns), methods)
    width = max(left_C[-1] + CELL + GAP, SENTENCE_WIDTH)
    lines = sum(len(textwrap.wrap(line, int((width - 0.3) * CHARACTERS_AN_INCH))) for line in panel.sentences)
    height = HEAD_INCHES + LINE_INCHES * lines + LABELS + rows * (CELL + GAP) + FOOT
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    heading(figure, panel.title, panel.sentences)
    figure.set_layout_engine("none")  # squares of one size are placed here
    grid = np.array(
        [
            [_square(figure, left, FOOT + (rows - 1 - row) * (CELL + GAP)) for left in left_C]
            for row in range(rows)
        ]
    )  # fmt: skip
    shown = [_row(grid[row], panel, row) for row in range(rows)]
    _captions(grid, panel)
    drawn = next((one for one in shown if one is not None), None)
    if drawn is not None:
        _colour_bar(figure, drawn)
    return figure


def _lefts(models: int, methods: int) -> list[float]:
    """Returns the left edges of all columns, in inches."""
    model = methods * (CELL + GAP) + BETWEEN
    first = LEFT + CELL + GAP + BETWEEN
    return [
        LEFT,
        *(first + place * model + method * (CELL + GAP) for place in range(models) for method in range(methods)),
    ]


def _square(figure: "Figure", left: float, bottom: float) -> Any:
    width, height = figure.get_size_inches()
    axes = figure.add_axes((left / width, bottom / height, CELL / width, CELL / height))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def _row(axes_C: Any, panel: MapPanel, row: int) -> Any | None:
    """Draws one picture's maps; returns what a colour bar needs."""
    circles, drawn = panel.circles[row], None
    axes_C[0].imshow(panel.columns[0].image_PHW3[row], extent=WHOLE, interpolation="nearest")
    axes_C[0].set_ylabel(panel.names[row], fontsize=8, color=INK, parse_math=False)
    _circle(axes_C[0], circles)
    cells = [(column, maps_PHW) for column in panel.columns for maps_PHW in column.maps]
    for axes, (column, maps_PHW) in zip(axes_C[1:], cells, strict=True):
        found = _overlay(axes, column.image_PHW3[row], None if maps_PHW is None else maps_PHW[row])
        _circle(axes, circles if found is not None else ())
        drawn = drawn or found
    return drawn


def _overlay(axes: Any, image_HW3: NDArray[np.uint8], map_HW: NDArray[np.float32] | None) -> Any | None:
    """Draws a map over its picture in grey; returns what a colour bar needs."""
    grey_HW = image_HW3.astype(np.float64) @ np.array(LUMINANCE)
    axes.imshow(grey_HW, cmap="gray", vmin=0, vmax=255, extent=WHOLE, interpolation="nearest")
    if map_HW is None:
        axes.text(0.5, 0.5, "none", ha="center", va="center", fontsize=9, color="white", backgroundcolor=INK)
        return None
    return axes.imshow(map_HW, cmap=COLOURS, vmin=0, vmax=1, alpha=SEEN_THROUGH, extent=WHOLE)


def _circle(axes: Any, circles: Sequence[Circle]) -> None:
    from matplotlib.patches import Circle as Ring

    for column, row, radius in circles:
        axes.add_patch(Ring((column, row), radius, fill=False, edgecolor=CIRCLE, linewidth=1.1))


def _colour_bar(figure: "Figure", drawn: Any) -> None:
    width, height = figure.get_size_inches()
    axes = figure.add_axes((LEFT / width, 0.45 / height, 2 * CELL / width, 0.1 / height))
    bar = figure.colorbar(drawn, cax=axes, orientation="horizontal", ticks=(0, 0.5, 1))
    assert bar.solids is not None
    bar.solids.set_alpha(1)
    bar.set_label("each map from its least to its greatest value", fontsize=8, color=SMALL)
    axes.tick_params(labelsize=7.5, colors=SMALL)


def _captions(grid: Any, panel: MapPanel) -> None:
    methods, small = len(panel.methods), {"fontsize": 8, "color": INK, "parse_math": False}
    grid[-1, 0].set_xlabel(panel.below, **small)
    middle = 0.5 * (methods + (methods - 1) * GAP / CELL)
    for place, column in enumerate(panel.columns):
        first = 1 + methods * place
        label = "\n".join(textwrap.wrap(column.label, 16 * methods, max_lines=2, placeholder=" ..."))
        grid[0, first].text(
            middle, 1 + 0.25 / CELL, label, ha="center", va="bottom", fontsize=9.5, fontweight="bold", color=INK,
            linespacing=1.0, parse_math=False, transform=grid[0, first].transAxes,
        )  # fmt: skip
        for method, name in enumerate(panel.methods):
            grid[0, first + method].set_title(name, fontsize=8.5, color=SMALL, pad=4)
            grid[-1, first + method].set_xlabel(column.below[method], **small)
