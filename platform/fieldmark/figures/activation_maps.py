"""Draws where models look: a picture a row, two maps a model, the world's marks circled (the supplement's Figure S3)."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.figures.drawing import SMALL, heading
from fieldmark.figures.trained_runs import INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL = 1.3
"""Inches."""
WIDTH_OF_SENTENCES = 6.5
FOOT = 1.0
COLOURS = "inferno"
SEEN_THROUGH = 0.62
"""Opacity of a map."""
LUMINANCE = (0.299, 0.587, 0.114)
CIRCLE = "#00e5ff"

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

    methods = len(panel.methods)
    across = 1 + methods * len(panel.columns)
    width = max(CELL * across + 0.4, WIDTH_OF_SENTENCES)
    lines = sum(len(textwrap.wrap(line, int(15 * width))) for line in panel.sentences)
    height = (CELL + 0.1) * len(panel.names) + FOOT + 0.8 + 0.17 * lines
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    grid = figure.subplots(len(panel.names), across, squeeze=False)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)  # type: ignore[union-attr]
    shown = None
    for row, (name, circles) in enumerate(zip(panel.names, panel.circles, strict=True)):
        _picture(grid[row, 0], panel.columns[0].image_PHW3[row], circles)
        grid[row, 0].set_ylabel(name, fontsize=8, color=INK, parse_math=False)
        for place, column in enumerate(panel.columns):
            for method, maps_PHW in enumerate(column.maps):
                axes = grid[row, 1 + methods * place + method]
                drawn = _overlay(axes, column.image_PHW3[row], None if maps_PHW is None else maps_PHW[row], circles)
                shown = drawn or shown
    _captions(grid, panel)
    if shown is not None:
        bar = figure.colorbar(shown, ax=grid, orientation="horizontal", shrink=0.35, aspect=40, pad=0.02)
        bar.set_label("each map from its least to its greatest value", fontsize=8, color=SMALL)
        bar.ax.tick_params(labelsize=7.5, colors=SMALL)
        bar.solids.set_alpha(1.0)
    heading(figure, panel.title, panel.sentences)
    return figure


def _picture(axes: Any, image_HW3: NDArray[np.uint8], circles: Sequence[Circle]) -> None:
    _empty(axes)
    axes.imshow(image_HW3, extent=(0, 1, 1, 0), interpolation="nearest")
    _circle(axes, circles)


def _overlay(
    axes: Any, image_HW3: NDArray[np.uint8], map_HW: NDArray[np.float32] | None, circles: Sequence[Circle]
) -> Any | None:
    """Draws a map over its picture in grey; returns what a colour bar needs."""
    _empty(axes)
    grey_HW = image_HW3.astype(np.float64) @ np.array(LUMINANCE)
    axes.imshow(grey_HW, cmap="gray", vmin=0, vmax=255, extent=(0, 1, 1, 0), interpolation="nearest")
    if map_HW is None:
        axes.text(0.5, 0.5, "none", ha="center", va="center", fontsize=9, color="white", backgroundcolor=INK)
        return None
    drawn = axes.imshow(map_HW, cmap=COLOURS, vmin=0, vmax=1, alpha=SEEN_THROUGH, extent=(0, 1, 1, 0))
    _circle(axes, circles)
    return drawn


def _circle(axes: Any, circles: Sequence[Circle]) -> None:
    from matplotlib.patches import Circle as Ring

    for column, row, radius in circles:
        axes.add_patch(Ring((column, row), radius, fill=False, edgecolor=CIRCLE, linewidth=1.1))


def _empty(axes: Any) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _captions(grid: Any, panel: MapPanel) -> None:
    methods, small = len(panel.methods), {"fontsize": 8, "color": INK, "parse_math": False}
    grid[-1, 0].set_xlabel(panel.below, **small)
    for place, column in enumerate(panel.columns):
        first = 1 + methods * place
        label = "\n".join(textwrap.wrap(column.label, 12 * methods, max_lines=2, placeholder=" ..."))
        # Above the middle of this model's columns, which are as wide as each other.
        grid[0, first].annotate(
            label, (0.5 * methods + 0.02, 1), (0, 20), xycoords="axes fraction", textcoords="offset points",
            ha="center", va="bottom", fontsize=9.5, fontweight="bold", color=INK, parse_math=False,
        )  # fmt: skip
        for method, name in enumerate(panel.methods):
            grid[0, first + method].set_title(name, fontsize=8.5, color=SMALL, pad=4)
            grid[-1, first + method].set_xlabel(column.below[method], **small)
