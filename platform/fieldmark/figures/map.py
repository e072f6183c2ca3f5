"""A map of where a data set's records are: drawn from the records alone, without a network."""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import Observations
from fieldmark.errors import UserError

_CELLS_ACROSS = 80
_MARGIN = 0.05
_SMALLEST_EXTENT = 0.5
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60)
_LINES_ACROSS = 6
_INK = "#22303c"
_PAPER = "#f4f6f8"


def draw_map(observations: Observations, path: str | os.PathLike[str]) -> None:
    """Writes a picture of the density of records (hexagons, logarithmic), with a graticule fitted to their extent.

    Args:
        observations: The records; those without a place are counted in the subtitle.
        path: Where to write; its ending chooses the format (png, svg, pdf).

    Raises:
        UserError: if no record has a place.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    placed_N = observations.place_time.has_place_N
    if not placed_N.any():
        raise UserError(f"{observations.name}: no record has a place, so there is nothing to map")
    longitude_N = observations.place_time.longitude_N[placed_N]
    latitude_N = observations.place_time.latitude_N[placed_N]
    west, east = _extent(longitude_N, 180.0)
    south, north = _extent(latitude_N, 90.0)
    # A degree of longitude is shorter away from the equator: keep distances in the map's middle true.
    aspect = 1 / max(np.cos(np.radians((south + north) / 2)), 0.2)
    height = float(np.clip(8.0 * aspect * (north - south) / (east - west), 3.2, 9.0))
    figure = Figure(figsize=(9.2, height + 1.1), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    cells = axes.hexbin(
        longitude_N,
        latitude_N,
        gridsize=(_CELLS_ACROSS, max(int(_CELLS_ACROSS * (north - south) * aspect / (east - west) / np.sqrt(3)), 8)),
        extent=(west, east, south, north),
        bins="log",
        mincnt=1,
        cmap="viridis",
        linewidths=0.2,
    )
    _dress(axes, (west, east, south, north), aspect)
    bar = figure.colorbar(cells, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label("records in a cell", color=_INK)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    bar.ax.tick_params(labelsize=9, labelcolor=_INK)
    _title(axes, observations, int(placed_N.sum()))
    figure.savefig(path, dpi=150)


def _title(axes: Any, observations: Observations, placed: int) -> None:
    without = len(observations) - placed
    rest = f", {without:,} without a place not shown" if without else ""
    line = f"{placed:,} records of {len(observations.categories):,} categories{rest}"
    # A file's name may hold a dollar sign, which is no formula here.
    axes.set_title(observations.name, loc="left", pad=24, fontsize=15, fontweight="bold", color=_INK, parse_math=False)
    axes.annotate(line, (0, 1), (0, 8), xycoords="axes fraction", textcoords="offset points", fontsize=10, color=_INK)


def _extent(degrees_N: NDArray[np.float64], limit: float) -> tuple[float, float]:
    low, high = float(degrees_N.min()), float(degrees_N.max())
    margin = max(_MARGIN * (high - low), (_SMALLEST_EXTENT - (high - low)) / 2)
    return max(low - margin, -limit), min(high + margin, limit)


def _dress(axes: Any, extent: tuple[float, float, float, float], aspect: float) -> None:
    west, east, south, north = extent
    axes.set(xlim=(west, east), ylim=(south, north), facecolor=_PAPER)
    axes.set_aspect(aspect)
    for axis, low, high, names in ((axes.xaxis, west, east, "WE"), (axes.yaxis, south, north, "SN")):
        ticks = _graticule(low, high)
        axis.set_ticks(ticks, [_degrees(tick, names) for tick in ticks])
    axes.grid(color="#b8c2cc", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, labelcolor=_INK)
    for spine in axes.spines.values():
        spine.set_color("#8795a1")


def _graticule(low: float, high: float) -> list[float]:
    step = next((step for step in _STEPS if (high - low) / step <= _LINES_ACROSS), _STEPS[-1])
    first, last = int(np.ceil(low / step)), int(np.floor(high / step))
    return [round(number * step, 6) for number in range(first, last + 1)]


def _degrees(value: float, names: str) -> str:
    side = "" if value == 0 else names[int(value > 0)]
    return f"{abs(value):g}°{side}"
