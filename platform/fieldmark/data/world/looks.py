"""How each group of look-alikes looks: butterflies told apart by colour, pattern and wing shape."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.world.config import WorldConfig

Pixels = NDArray[np.float32]

GOLDEN = 0.61803399  # steps of the golden ratio spread any number of hues evenly

# Radial and angular frequency and threshold of the wing pattern: plain, bands, rays, spots, wide bands.
PATTERNS = np.array([[0, 0, 9], [16, 0, 0.1], [0, 14, 0.2], [14, 9, 0.25], [8, 0, 0.0]])
SECOND_COLOURS = np.array([[0.13, 0.09, 0.08], [0.97, 0.93, 0.80], [0.10, 0.16, 0.38], [0.95, 0.62, 0.12]])

# Where the pair of eyespots sits (half-span out, up), and its core's colour: member m wears combination m - 1.
MARK_PLACES = np.array([[0.60, 0.43], [0.40, -0.38], [0.33, 0.20], [0.19, -0.20]])
MARK_COLOURS = np.array([[1.0, 1.0, 1.0], [1.0, 0.85, 0.1], [0.3, 0.9, 1.0]])
MARK_SIZE = 6.5  # radius in half-spans times the pixels from which the mark is seen: some three pixels


@dataclass(frozen=True, slots=True)
class Looks:
    """Appearance of G groups, each field with leading dimension G."""

    base_G3: Pixels
    second_G3: Pixels
    pattern_G3: Pixels
    """Radial frequency, angular frequency, threshold."""
    fore_G3: Pixels
    """Forewing ellipse: half length, half width, angle in radians."""
    hind_G3: Pixels
    margin_G: Pixels
    """Normalised radius beyond which a wing is dark."""

    def take(self, group_N: NDArray[np.int64]) -> "Looks":
        """Returns the appearance for N pictures."""
        return Looks(*(getattr(self, name)[group_N] for name in self.__slots__))


def make_looks(config: WorldConfig) -> Looks:
    """Returns the groups' looks, a function of the seed."""
    rng = np.random.default_rng([config.seed, 6])
    number_G = np.arange(config.groups)
    hue_G = np.mod(rng.random() + GOLDEN * number_G, 1).astype(np.float64)
    saturation_G = np.where(number_G % 3 == 1, 0.45, 0.85)
    fore_G3 = rng.uniform([0.42, 0.20, 0.45], [0.52, 0.30, 0.85], (config.groups, 3))
    hind_G3 = rng.uniform([0.30, 0.20, -1.15], [0.40, 0.30, -0.60], (config.groups, 3))
    return Looks(
        hsv_to_rgb(hue_G, saturation_G, rng.uniform(0.75, 0.98, config.groups)),
        SECOND_COLOURS[number_G // len(PATTERNS) % len(SECOND_COLOURS)].astype(np.float32),
        PATTERNS[number_G % len(PATTERNS)].astype(np.float32),
        fore_G3.astype(np.float32),
        hind_G3.astype(np.float32),
        rng.uniform(0.80, 0.95, config.groups).astype(np.float32),
    )


def mark_place(mark_N: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns where the eyespots of these marks (numbers from 1) sit in the creature's frame, (N, 2): out and up."""
    return MARK_PLACES[(mark_N - 1) % len(MARK_PLACES)]


def mark_radius(mark_from_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the eyespots' radius in the creature's frame, given the pixels from which the mark is seen."""
    return np.minimum(MARK_SIZE / mark_from_N, 0.15)


def hsv_to_rgb(hue_N: NDArray[np.float64], saturation_N: NDArray[np.float64], value_N: NDArray[np.float64]) -> Pixels:
    """Returns RGB in [0, 1] of shape (N, 3); all arguments in [0, 1]."""
    ramp_N3 = np.abs((hue_N[:, None] + [0, 2 / 3, 1 / 3]) % 1 * 6 - 3) - 1
    rgb_N3 = value_N[:, None] * (1 - saturation_N[:, None] * (1 - np.clip(ramp_N3, 0, 1)))
    rounded_N3: Pixels = rgb_N3.astype(np.float32)
    return rounded_N3
