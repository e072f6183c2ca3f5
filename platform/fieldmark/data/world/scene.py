"""The nuisances of a picture: pose, background, light, style and noise, drawn from the record's number alone."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.looks import Pixels, hsv_to_rgb

STYLES = ("photo", "dusk", "watercolour", "specimen")
DRAWS = 16


class Pose(NamedTuple):
    """How N creatures sit in their pictures, each field (N, 1, 1)."""

    turn: Pixels
    """In radians."""
    scale: Pixels
    right: Pixels
    """Shift, in halves of the picture's side."""
    up: Pixels
    opening: Pixels
    """Of the wings: what their span is multiplied by."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Nuisances of N pictures, the same at every resolution; the grain has one value a pixel and channel."""

    draw_NK: Pixels
    """Uniform numbers, one for each use below."""
    style_N: NDArray[np.int64]
    """Index into STYLES."""
    grain_NHW3: Pixels
    """In [-1, 1]."""

    def uniform(self, use: int, low: float, high: float) -> Pixels:
        """Returns one of the record's numbers, brought to an interval, (N, 1, 1)."""
        return (low + (high - low) * self.draw_NK[:, use, None, None]).astype(np.float32)

    def pose(self) -> Pose:
        """Returns how the creatures sit."""
        return Pose(
            turn=self.uniform(1, -0.5, 0.5),
            scale=self.uniform(2, 0.82, 1.0),
            right=self.uniform(3, -0.12, 0.12),
            up=self.uniform(4, -0.12, 0.12),
            opening=self.uniform(5, 0.85, 1.0),
        )

    def background_N3(self) -> Pixels:
        """Returns the colour of the ground: leaves, earth, sky; pale paper for the last two styles."""
        hue, rest, depth = self.draw_NK[:, 8:11].astype(np.float64).T
        wild_N3 = hsv_to_rgb(hue, 0.15 + 0.3 * rest, 0.25 + 0.45 * depth)
        paper_N3 = hsv_to_rgb(hue, 0.02 + 0.08 * rest, 0.88 + 0.1 * depth)
        return np.where(self.style_N[:, None] >= 2, paper_N3, wild_N3)  # watercolour and specimen


def draw_scene(config: WorldConfig, part_N: NDArray[np.int64], serial_N: NDArray[np.int64], resolution: int) -> Scene:
    """Returns the nuisances of these records; each has its own stream, so that any selection draws the same."""
    draw_NK = np.empty((len(part_N), DRAWS), dtype=np.float32)
    grain_NHW3 = np.empty((len(part_N), resolution, resolution, 3), dtype=np.uint8)
    for row, (part, serial) in enumerate(zip(part_N.tolist(), serial_N.tolist(), strict=True)):
        rng = np.random.Generator(np.random.SFC64([config.seed, 5, part, serial]))
        draw_NK[row] = rng.random(DRAWS, dtype=np.float32)
        grain_NHW3[row] = rng.integers(0, 256, grain_NHW3.shape[1:], dtype=np.uint8)
    style_N = np.minimum((draw_NK[:, 0] * config.styles).astype(np.int64), config.styles - 1)
    return Scene(draw_NK, style_N, grain_NHW3 * np.float32(2 / 255) - np.float32(1))
