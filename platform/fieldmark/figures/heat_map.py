"""Figure S1 of Yang et al. (2022): where on Earth the records of a data set were made."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import DataSet, Split
from fieldmark.errors import UserError

STEPS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0)
"""Sides that a cell may have, in degrees of latitude."""
MOST_ACROSS = 120
"""Cells from west to east, at most."""
FEWEST_IN_A_CELL = 3.0
"""Cells are made larger until those with records hold so many on average."""
KM_A_DEGREE = 111.195
MARGIN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Records in cells of nearly equal area: rows of equal height, each dealt into the more cells the longer it is."""

    dataset: str
    protocol: str
    categories: int
    placed: int
    """Records with a place."""
    without: int
    """Records without one."""
    parts: dict[str, int]
    """Placed records by part of the data."""
    degrees: float
    """Height of a cell; at the equator its width, too."""
    extent: tuple[float, float, float, float]
    """West, east, south, north in degrees."""
    west: tuple[float, ...]
    """Of each cell with records."""
    east: tuple[float, ...]
    south: tuple[float, ...]
    count: tuple[int, ...]
    """Records in it, at least 1."""

    @property
    def whole_earth(self) -> bool:
        """Whether the records spread over so much that the whole planet is drawn."""
        return self.extent == (-180.0, 180.0, -90.0, 90.0)

    def to_json(self) -> dict[str, Any]:
        """Returns values that `json.dumps` takes."""
        return asdict(self)


def heat_map(data: DataSet) -> HeatMap:
    """Returns the counts of a data set's records, of all parts.

    Raises:
        UserError: no record has a place.
    """
    where = data.observations.place_time
    placed_N = where.has_place_N
    if not placed_N.any():
        raise UserError(f"{data.observations.name}: no record has a place, so there is nothing to map")
    latitude_N, longitude_N = where.latitude_N[placed_N], where.longitude_N[placed_N]
    extent = _extent(longitude_N, latitude_N)
    degrees, (row_K, column_K, count_K) = _fitting_cells(latitude_N, longitude_N, extent)
    width_K = 360.0 / _columns(row_K, degrees)
    west_K = -180.0 + column_K * width_K
    return HeatMap(
        dataset=data.observations.name,
        protocol=data.protocol,
        categories=len(data.observations.categories),
        placed=int(placed_N.sum()),
        without=int((~placed_N).sum()),
        parts={part.name.lower(): int((data.split_N[placed_N] == part).sum()) for part in Split},
        degrees=degrees,
        extent=extent,
        west=_rounded(west_K),
        east=_rounded(west_K + width_K),
        south=_rounded(-90.0 + row_K * degrees),
        count=tuple(count_K.tolist()),
    )


def cells(
    latitude_N: NDArray[np.float64], longitude_N: NDArray[np.float64], degrees: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Returns rows from the south pole (K), columns from 180° west (K) and counts (K) of the cells with records."""
    row_N = np.clip((latitude_N + 90.0) // degrees, 0, np.ceil(180.0 / degrees) - 1).astype(np.int64)
    columns_N = _columns(row_N, degrees)
    column_N = np.minimum((longitude_N + 180.0) / 360.0 * columns_N, columns_N - 1).astype(np.int64)
    key_K, count_K = np.unique(row_N * (1 << 32) + column_N, return_counts=True)
    return key_K >> 32, key_K & ((1 << 32) - 1), count_K.astype(np.int64)


def _columns(row: NDArray[np.int64], degrees: float) -> NDArray[np.int64]:
    """Returns into how many cells a row round the Earth is dealt, so that each has the area of one at the equator."""
    south = np.radians(-90.0 + row * degrees)
    north = np.radians(np.minimum(-90.0 + (row + 1) * degrees, 90.0))
    # A row's area is 2 pi (sin north - sin south); a cell at the equator has that of a square of so many degrees.
    area = 2 * np.pi * (np.sin(north) - np.sin(south)) / np.radians(degrees) ** 2
    found: NDArray[np.int64] = np.maximum(np.rint(area), 1).astype(np.int64)
    return found


def _fitting_cells(
    latitude_N: NDArray[np.float64], longitude_N: NDArray[np.float64], extent: Sequence[float]
) -> tuple[float, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    across = (extent[1] - extent[0]) * np.cos(np.radians((extent[2] + extent[3]) / 2))
    sides = [side for side in STEPS if across / side <= MOST_ACROSS] or [STEPS[-1]]
    for side in sides:
        found = cells(latitude_N, longitude_N, side)
        if found[2].mean() >= FEWEST_IN_A_CELL:
            return side, found
    return side, found


def _extent(longitude_N: NDArray[np.float64], latitude_N: NDArray[np.float64]) -> tuple[float, float, float, float]:
    """Returns what is drawn: the records with a margin, or the whole Earth where they span more than half of it."""
    west, east = float(longitude_N.min()), float(longitude_N.max())
    south, north = float(latitude_N.min()), float(latitude_N.max())
    if east - west > 180 or north - south > 90:
        return -180.0, 180.0, -90.0, 90.0
    across, along = (max(MARGIN * (high - low), 0.5) for low, high in ((west, east), (south, north)))
    return max(west - across, -180.0), min(east + across, 180.0), max(south - along, -90.0), min(north + along, 90.0)


def _rounded(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(np.round(values, 6).tolist())
