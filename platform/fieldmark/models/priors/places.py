"""Places and seasons as points whose Euclidean distance is the metric's."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import PlaceTime

Metric = Literal["euclidean", "haversine"]
Points = NDArray[np.float64]


def place_points(where: PlaceTime, metric: Metric) -> Points:
    """Returns N places as points.

    `euclidean`: (longitude, latitude) in degrees, a plane with an edge at 180 degrees, as in the authors' code.
    `haversine`: XYZ on the unit sphere; the chord grows with the great circle, so neighbours are the same.
    """
    if metric == "euclidean":
        return np.column_stack([where.longitude_N, where.latitude_N])
    longitude_N, latitude_N = np.radians(where.longitude_N), np.radians(where.latitude_N)
    around_N = np.cos(latitude_N)
    return np.column_stack([around_N * np.cos(longitude_N), around_N * np.sin(longitude_N), np.sin(latitude_N)])


def place_season_points(where: PlaceTime, metric: Metric, season: float) -> Points:
    """Returns N places with the year laid on a circle of radius `season` in two further dimensions.

    The squared distance is the place's (degrees, or the chord of the unit sphere) plus (2 season sin(a/2))^2, a
    the angle between the two days of the year. Dates must be known.
    """
    angle_N = year_angle(where.date_N)
    circle_N2 = season * np.column_stack([np.cos(angle_N), np.sin(angle_N)])
    return np.hstack([place_points(where, metric), circle_N2])


def year_angle(date_N: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Returns 2 pi times the elapsed share of the year, in [0, 2 pi)."""
    year_N = date_N.astype("datetime64[Y]")
    first_N = year_N.astype("datetime64[D]")
    length_N = ((year_N + 1).astype("datetime64[D]") - first_N).astype(np.float64)
    return np.asarray(2 * np.pi * (date_N.astype("datetime64[D]") - first_N).astype(np.float64) / length_N)


def straight(radius: float, metric: Metric) -> float:
    """Returns the radius between points: itself in degrees, or the chord of a great circle of `radius` radians."""
    return radius if metric == "euclidean" else 2 * np.sin(min(radius, np.pi) / 2)
