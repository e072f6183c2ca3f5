"""Outlines of land for maps, without a network: from a file of the user's, or from an installed land mask."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.errors import UserError

Ring = NDArray[np.float64]
"""Longitude and latitude (n, 2) in degrees along one outline."""
Extent = tuple[float, float, float, float]

PACKAGE = "global_land_mask"
MASK_FILE = "globe_combined_mask_compressed.npz"
CELLS_A_DEGREE = 120
"""Of the package's mask."""
POINTS_ACROSS = 1000
"""About so many of its cells are looked at from west to east of what is drawn."""
EARTH = (-180.0, 180.0, -90.0, 90.0)


def find_land(path: Path | None, extent: Extent = EARTH) -> tuple[Ring, ...]:
    """Returns outlines from a file, else from the package `global-land-mask` where it is installed, else none.

    Args:
        path: a GeoJSON file of polygons, or None.
        extent: what will be drawn: west, east, south, north in degrees.

    Raises:
        UserError: the file is no GeoJSON of polygons.
    """
    if path is not None:
        return read_land(path)
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        return ()
    step = max(1, round((extent[1] - extent[0]) * CELLS_A_DEGREE / POINTS_ACROSS))
    return tuple(outlines(*read_mask(Path(package.origin).with_name(MASK_FILE), step, extent)))


def read_land(path: Path) -> tuple[Ring, ...]:
    """Returns the rings of a GeoJSON file's polygons, e.g. Natural Earth's `ne_110m_land`.

    Raises:
        UserError: it cannot be read, or has none.
    """
    try:
        found = tuple(_rings(json.loads(path.read_text())))
    except OSError as error:
        raise UserError(f"--land {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"--land {path}: expected GeoJSON of polygons in degrees") from None
    if not found:
        raise UserError(f"--land {path}: no polygon in it; expected GeoJSON of polygons in degrees")
    return found


def _rings(value: Any) -> Iterator[Ring]:
    match value["type"]:
        case "FeatureCollection":
            for feature in value["features"]:
                yield from _rings(feature)
        case "Feature":
            yield from _rings(value["geometry"])
        case "GeometryCollection":
            for geometry in value["geometries"]:
                yield from _rings(geometry)
        case "Polygon":
            yield from map(_ring, value["coordinates"])
        case "MultiPolygon":
            yield from (_ring(ring) for polygon in value["coordinates"] for ring in polygon)


def _ring(points: Any) -> Ring:
    ring_N2 = np.asarray([point[:2] for point in points], dtype=np.float64)
    if ring_N2.ndim != 2 or not np.isfinite(ring_N2).all() or (np.abs(ring_N2) > (180.001, 90.001)).any():
        raise ValueError("no ring of degrees")
    return ring_N2


def read_mask(path: Path, step: int, extent: Extent = EARTH) -> tuple[Ring, Ring, NDArray[np.bool_]]:
    """Returns latitudes (H), longitudes (W) and whether there is land (H, W), of every `step`-th cell of a mask.

    The mask holds a byte a cell, nearly a gigabyte in all, so it is read row by row.

    Args:
        path: the package's file: `lat` and `lon` in degrees, `mask` true at sea.
        step: how many cells apart the points are.
        extent: west, east, south, north in degrees; a little more is read.
    """
    with zipfile.ZipFile(path) as parts:
        latitude, longitude = _array(parts, "lat"), _array(parts, "lon")
        rows, columns = _within(latitude, extent[2:], step), _within(longitude, extent[:2], step)
        with parts.open("mask.npy") as file:
            height, width = _header(file)
            wanted, kept = set(rows.tolist()), []
            for place in range(height):
                row = file.read(width)
                if place in wanted:
                    kept.append(np.frombuffer(row, np.bool_)[columns])
    return latitude[rows], longitude[columns], ~np.stack(kept)


def _within(degrees_N: Ring, ends: Sequence[float], step: int) -> NDArray[np.int64]:
    """Returns the positions of every `step`-th value between two ends, and of a few beyond."""
    beyond = 2 * step / CELLS_A_DEGREE
    return np.flatnonzero((degrees_N >= ends[0] - beyond) & (degrees_N <= ends[1] + beyond))[::step]


def _array(parts: zipfile.ZipFile, name: str) -> Ring:
    with parts.open(f"{name}.npy") as file:
        found: Ring = np.lib.format.read_array(file, allow_pickle=False)
    return found


def _header(file: IO[bytes]) -> tuple[int, int]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    (height, width), fortran, kind = read(file)
    assert not fortran and kind == np.bool_, "the mask is of booleans, row by row"
    return height, width


def outlines(latitude_H: Ring, longitude_W: Ring, land_HW: NDArray[np.bool_]) -> Iterator[Ring]:
    """Yields the rings round land, and round lakes in it."""
    from contourpy import contour_generator

    # A frame of sea closes rings at the map's edge.
    framed = np.pad(land_HW.astype(np.float64), 1)
    x, y = (np.concatenate([ends[:1], ends, ends[-1:]]) for ends in (longitude_W, latitude_H))
    for line in contour_generator(x, y, framed).lines(0.5):
        yield np.asarray(line, dtype=np.float64)
