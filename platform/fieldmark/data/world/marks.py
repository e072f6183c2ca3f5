"""Where the marks that tell look-alikes apart are in a picture, in pixels; what a model looks at is judged by it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import Indices
from fieldmark.data.world.looks import mark_place, mark_radius
from fieldmark.data.world.scene import Scene

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marks:
    """The pair of eyespots in each of N pictures; NaN where none can be seen."""

    centre_N22: Floats
    """Column and row of both, in pixels; a pixel's middle is a whole number, (0, 0) is that of the first."""
    radius_N: Floats
    """In pixels, along the creature's body; across it the wings' opening makes it up to 15 % smaller."""

    @property
    def visible_N(self) -> NDArray[np.bool_]:
        """Whether there is a mark to be seen."""
        return np.isfinite(self.radius_N)

    def take(self, indices: Indices) -> "Marks":
        """Returns those of chosen pictures."""
        return Marks(self.centre_N22[indices], self.radius_N[indices])


def find_marks(scene: Scene, mark_N: NDArray[np.int64], mark_from_N: Floats, resolution: int) -> Marks:
    """Returns where the marks are; turns the renderer's way from picture to creature round.

    Args:
        scene: of the N pictures.
        mark_N: number of the mark to be seen, 0 for none.
        mark_from_N: resolution from which it can be seen, which sets its size.
        resolution: side in pixels.
    """
    turn_N, scale_N, right_N, up_N, opening_N = (each.astype(np.float64).ravel() for each in scene.pose())
    place_N2 = mark_place(np.maximum(mark_N, 1))
    out_N2 = (place_N2[:, 0] * opening_N)[:, None] * [1, -1]
    along_N1 = place_N2[:, 1:]
    cos_N1, sin_N1 = (scale_N * np.cos(turn_N))[:, None], (scale_N * np.sin(turn_N))[:, None]
    x_N2 = cos_N1 * out_N2 - sin_N1 * along_N1 + right_N[:, None]
    y_N2 = sin_N1 * out_N2 + cos_N1 * along_N1 + up_N[:, None]
    half = resolution / 2
    centre_N22 = np.stack([(1 + x_N2) * half - 0.5, (1 - y_N2) * half - 0.5], axis=2)
    radius_N = mark_radius(mark_from_N) * half * scale_N
    return Marks(np.where(mark_N[:, None, None] > 0, centre_N22, np.nan), np.where(mark_N > 0, radius_N, np.nan))
