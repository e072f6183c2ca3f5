"""Directions on the unit sphere and the von Mises-Fisher distribution in three dimensions.

Density and sampler are the closed forms for S2 (Fisher 1953); per steradian:
exp(k (m.x - 1)) k / (2 pi (1 - exp(-2 k))).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def to_xyz(latitude: Floats, longitude: Floats) -> Floats:
    """Returns unit vectors (..., 3) of places in degrees; NaN stays NaN."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def to_degrees(xyz: Floats) -> tuple[Floats, Floats]:
    """Returns latitude in [-90, 90] and longitude in [-180, 180] of unit vectors (..., 3)."""
    latitude = np.degrees(np.arcsin(np.clip(xyz[..., 2], -1.0, 1.0)))
    return latitude, np.degrees(np.arctan2(xyz[..., 1], xyz[..., 0]))


def vmf_density(cosine: Floats, kappa: Floats) -> Floats:
    """Returns the density per steradian at points whose cosine to the mean direction is given."""
    density: Floats = kappa / (2 * np.pi * -np.expm1(-2 * kappa)) * np.exp(kappa * (cosine - 1))
    return density


def sample_vmf(rng: np.random.Generator, mean_N3: Floats, kappa_N: Floats) -> Floats:
    """Returns one draw (N, 3) about each mean direction, by inverting the cosine's distribution function."""
    u_N = rng.random(len(mean_N3))
    cosine_N = 1 + np.log(u_N + (1 - u_N) * np.exp(-2 * kappa_N)) / kappa_N
    return towards(mean_N3, np.arccos(np.clip(cosine_N, -1, 1)), rng.uniform(0, 2 * np.pi, len(mean_N3)))


def towards(origin_N3: Floats, distance_N: Floats, bearing_N: Floats) -> Floats:
    """Returns the points (N, 3) at these angular distances (radians) and bearings from the origins."""
    axis_N3 = np.where(np.abs(origin_N3[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    east_N3 = np.cross(axis_N3, origin_N3)
    east_N3 /= np.linalg.norm(east_N3, axis=1, keepdims=True)
    north_N3 = np.cross(origin_N3, east_N3)
    across_N3 = np.sin(bearing_N)[:, None] * east_N3 + np.cos(bearing_N)[:, None] * north_N3
    point_N3: Floats = np.cos(distance_N)[:, None] * origin_N3 + np.sin(distance_N)[:, None] * across_N3
    return point_N3
