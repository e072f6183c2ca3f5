"""Background points: places and dates where nothing was looked for (Mac Aodha et al. 2019; SPEC 2.2)."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def draw_background(kind: str, points: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Returns longitude / 180, latitude / 90 and date, each (R) in [-1, 1]; dates are uniform over the year.

    Args:
        kind: `sphere` (uniform on the sphere), `iccv2019` (the formula of the paper's first code, which is not), or
            `degrees` (uniform in longitude and latitude).
        points: how many, R.
        rng: where the randomness comes from.
    """
    u_R, v_R, date_R = rng.random((points, 3)).T
    lon_R, lat_R = PLACES[kind](u_R, v_R)
    return lon_R, lat_R, 2 * date_R - 1


def sphere(u_R: Floats, v_R: Floats) -> tuple[Floats, Floats]:
    """Returns places uniform on the sphere for uniform u and v in [0, 1]."""
    return 2 * u_R - 1, 1 - 2 * np.arccos(2 * v_R - 1) / np.pi


def iccv2019(u_R: Floats, v_R: Floats) -> tuple[Floats, Floats]:
    """Returns places by the biased formula of 2019, kept to reproduce it: two sides of a sphere read as degrees."""
    z_R, theta_R = 2 * u_R - 1, 2 * np.pi * v_R
    side_R = np.sqrt(1 - z_R**2)
    return side_R * np.cos(theta_R), side_R * np.sin(theta_R)


def degrees(u_R: Floats, v_R: Floats) -> tuple[Floats, Floats]:
    """Returns places uniform in degrees, which crowd at the poles."""
    return 2 * u_R - 1, 2 * v_R - 1


PLACES = {"sphere": sphere, "iccv2019": iccv2019, "degrees": degrees}
