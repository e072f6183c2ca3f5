"""Who took a picture: a function of chance and place alone (SCIENCE rule 19)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.sphere import Floats, to_xyz

REACH = np.radians(20)  # how far from home people usually go
BLOCK = 8192  # records whose (records, observers) weights are held at once


@dataclass(frozen=True, slots=True)
class Observers:
    """U people with a home and a zeal (how much they record)."""

    home_U3: Floats
    zeal_U: Floats

    def draw(self, rng: np.random.Generator, place_N3: Floats) -> NDArray[np.int32]:
        """Returns an observer for each place, the likelier the nearer their home."""
        chosen_N = np.empty(len(place_N3), dtype=np.int32)
        u_N = rng.random(len(place_N3))
        for start in range(0, len(place_N3), BLOCK):
            rows = slice(start, start + BLOCK)
            closeness_NU = (place_N3[rows] @ self.home_U3.T - 1) / REACH**2
            closeness_NU -= closeness_NU.max(axis=1, keepdims=True)
            cumulative_NU = np.cumsum(self.zeal_U * np.exp(closeness_NU), axis=1)
            chosen_N[rows] = (cumulative_NU < u_N[rows, None] * cumulative_NU[:, -1:]).sum(axis=1)
        return chosen_N


def make_observers(config: WorldConfig) -> Observers:
    """Returns the world's observers."""
    rng = np.random.default_rng([config.seed, 2])
    latitude_U = np.degrees(np.arcsin(rng.uniform(-0.9, 0.9, config.observers)))
    longitude_U = rng.uniform(-180, 180, config.observers)
    return Observers(to_xyz(latitude_U, longitude_U), rng.pareto(1.5, config.observers) + 0.1)
