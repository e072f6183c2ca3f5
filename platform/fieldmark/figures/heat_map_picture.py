"""Draws a heat map: the whole Earth in the Equal Earth projection, a region by its own middle parallel."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.figures.drawing import heading, write_figure
from fieldmark.figures.heat_map import KM_A_DEGREE, HeatMap
from fieldmark.figures.land import Ring
from fieldmark.figures.trained_runs import INK

Floats = NDArray[np.float64]
Projection = Callable[[Floats, Floats], tuple[Floats, Floats]]

WIDTH, NARROWEST = 10.0, 6.5
"""Of the picture, in inches."""
COLOURS = "YlOrRd"
"""From pale to dark: a single record is seen, and does not shout."""
SEA, LAND, SHORE = "#eef2f6", "#d3d9df", "#6d7884"
FINEST = 1.0
"""Lines are drawn in pieces of at most so many degrees, so that they bend with the map."""
_A = (1.340264, -0.081106, 0.000893, 0.003796)
_GRATICULE = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0)


def equal_earth(longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Returns the Equal Earth projection (Šavrič, Patterson and Jenny 2018) of degrees, on a sphere of radius 1."""
    theta = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(latitude)))
    square = theta * theta
    sixth = square**3
    slope = _A[0] + 3 * _A[1] * square + sixth * (7 * _A[2] + 9 * _A[3] * square)
    x = 2 * np.sqrt(3) / 3 * np.radians(longitude) * np.cos(theta) / slope
    return x, theta * (_A[0] + _A[1] * square + sixth * (_A[2] + _A[3] * square))


def draw_heat_map(found: HeatMap, land: Sequence[Ring], note: str, stands_for: str = "") -> Any:
    """Returns matplotlib's figure."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    project = equal_earth if found.whole_earth else _by_parallel(found)
    frame = np.column_stack(project(*_frame(found).T))
    (left, low), (right, high) = frame.min(axis=0), frame.max(axis=0)
    ratio = (high - low) / (right - left)
    height = float(np.clip((WIDTH - 1.4) * ratio, 3.0, 8.0))
    width = max(height / ratio + 1.6, NARROWEST) if ratio > 1 else WIDTH
    figure = Figure(figsize=(width, height + 1.2), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    edge = axes.fill(*frame.T, facecolor=SEA, edgecolor=SHORE, linewidth=0.8, zorder=0)[0]
    _draw_land(axes, land, project, edge)
    _draw_graticule(axes, found, project, edge)
    shapes = [np.column_stack(project(*corner.T)) for corner in _corners(found)]
    norm = LogNorm(1, max(*found.count, 2))
    drawn = PolyCollection(shapes, array=np.asarray(found.count), norm=norm, cmap=COLOURS, edgecolor="face", zorder=2)
    drawn.set(linewidth=0.15, alpha=0.92, clip_path=edge)
    axes.add_collection(drawn)
    axes.set(xlim=(left, right), ylim=(low, high), aspect="equal")
    axes.set_axis_off()
    _draw_bar(figure, axes, drawn)
    instead = f", in place of {stands_for}" if stands_for else ""
    heading(figure, f"Geographical distribution of {found.dataset}{instead}", _sentences(found, note))
    return figure


def _sentences(found: HeatMap, note: str) -> list[str]:
    parts = ", ".join(f"{name} {count:,}" for name, count in found.parts.items() if count)
    rest = f"; {found.without:,} without a place are not shown" if found.without else ""
    side = found.degrees * KM_A_DEGREE
    km = f"{side:,.0f}" if side >= 10 else f"{side:.1f}"
    kind = "Equal Earth projection" if found.whole_earth else "true to scale on the middle parallel"
    return [
        f"n = {found.placed:,} records of {found.categories:,} categories ({parts}; {found.protocol}){rest}.",
        f"Counts on a logarithmic scale in cells of equal area, about {km} x {km} km; {kind}. {note}",
    ]


def _by_parallel(found: HeatMap) -> Projection:
    scale = max(float(np.cos(np.radians((found.extent[2] + found.extent[3]) / 2))), 0.1)
    return lambda longitude, latitude: (longitude * scale, latitude * 1.0)


def _frame(found: HeatMap) -> Ring:
    west, east, south, north = found.extent
    return _fine(np.array([(west, south), (east, south), (east, north), (west, north), (west, south)]))


def _fine(line_N2: Ring) -> Ring:
    """Returns a line with further points on its long pieces."""
    pieces = np.ceil(np.abs(np.diff(line_N2, axis=0)).max(axis=1) / FINEST).astype(int)
    points = [
        start + (end - start) * np.arange(count)[:, None] / count
        for start, end, count in zip(line_N2[:-1], line_N2[1:], np.maximum(pieces, 1), strict=True)
    ]
    return np.concatenate([*points, line_N2[-1:]])


def _corners(found: HeatMap) -> list[Ring]:
    boxes = zip(found.west, found.east, found.south, strict=True)
    return [
        _fine(np.array([(west, south), (east, south), (east, north), (west, north)]))
        for west, east, south in boxes
        for north in (min(south + found.degrees, 90.0),)
    ]


def _draw_land(axes: Any, land: Sequence[Ring], project: Projection, edge: Any) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    for ring in land:
        outline = Path(np.column_stack(project(*_fine(ring).T)), closed=True)
        # Rings round lakes run the other way and stand out by their outline alone: what is counted hides the rest.
        patch = PathPatch(outline, facecolor=LAND, edgecolor=SHORE, linewidth=0.45, zorder=1)
        axes.add_patch(patch)
        patch.set_clip_path(edge)


def _draw_graticule(axes: Any, found: HeatMap, project: Projection, edge: Any) -> None:
    west, east, south, north = found.extent
    step = next((step for step in _GRATICULE if max(east - west, north - south) / step <= 8), 60.0)
    for vertical, low, high in ((True, west, east), (False, south, north)):
        for value in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step:
            ends = [(value, south), (value, north)] if vertical else [(west, value), (east, value)]
            x, y = project(*_fine(np.array(ends)).T)
            line = axes.plot(x, y, color="#b3bdc7", linewidth=0.5, zorder=1.5)[0]
            line.set_clip_path(edge)
            if not found.whole_earth or not vertical:
                _name(axes, float(value), vertical, (x[0], y[0]))


def _name(axes: Any, value: float, vertical: bool, place: tuple[float, float]) -> None:
    side = "" if value == 0 else ("WE" if vertical else "SN")[int(value > 0)]
    where = {"ha": "center", "va": "top"} if vertical else {"ha": "right", "va": "center"}
    offset = (0, -4) if vertical else (-4, 0)
    axes.annotate(f"{abs(value):g}°{side}", place, offset, textcoords="offset points", fontsize=8, color=INK, **where)


def _draw_bar(figure: Any, axes: Any, drawn: Any) -> None:
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, pad=0.02, aspect=28)
    bar.set_label("records in a cell", color=INK, fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_formatter(lambda count, _: f"{count:,.0f}")
    bar.ax.tick_params(labelsize=8, labelcolor=INK)


def write_heat_map(
    found: HeatMap, land: Sequence[Ring], note: str, folder: Path, stem: str = "figS1", stands_for: str = ""
) -> list[Path]:
    """Draws a heat map; returns PNG, SVG and JSON.

    Args:
        found: the counts.
        land: outlines to draw it on; may be empty.
        note: where the outlines are from, or why there are none.
        folder: where the files go.
        stem: their name.
        stands_for: published data set in whose place this one is shown.
    """
    data = {"figure": "S1", **found.to_json(), "stands_for": stands_for, "land": note}
    return write_figure(draw_heat_map(found, land, note, stands_for), data, folder, stem)
