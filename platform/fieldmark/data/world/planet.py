"""Species: their look-alike groups, marks, ranges on the sphere and seasons, with the densities of each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.sphere import Floats, sample_vmf, to_xyz, towards, vmf_density

DAYS = 365
"""Only ordinary years are drawn, so that a season is a distribution over 365 days."""

KERNELS = 2  # a range is a core and an outlier, so that it is not just a disc
CORE_SHARE = 0.75
GOLDEN_ANGLE = 222.49  # degrees; spreads any number of groups evenly round the globe
BLOCK = 8192  # records whose (records, C, KERNELS) cosines are held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Planet:
    """C species with everything that a record's distribution depends on."""

    group_C: NDArray[np.int64]
    member_C: NDArray[np.int64]
    """Position in the group; it says which mark the species wears where its group has marks."""
    mark_from_G: NDArray[np.float64]
    """Pixels from which a group's marks are visible; infinite where it has none."""
    centre_CK3: Floats
    kappa_CK: Floats
    share_K: Floats
    season_CD: Floats
    """Probability of each day of the year."""

    @property
    def species(self) -> int:
        """Number of categories C."""
        return len(self.group_C)

    def place_density(self, latitude_N: Floats, longitude_N: Floats) -> Floats:
        """Returns p(place | category) per steradian (N, C); NaN where the place is missing."""
        xyz_N3 = to_xyz(latitude_N, longitude_N)
        density_NC = np.empty((len(xyz_N3), self.species))
        for start in range(0, len(xyz_N3), BLOCK):
            cosine_NCK = np.einsum("nd,ckd->nck", xyz_N3[start : start + BLOCK], self.centre_CK3)
            density_NC[start : start + BLOCK] = vmf_density(cosine_NCK, self.kappa_CK) @ self.share_K
        return density_NC

    def draw_places(self, rng: np.random.Generator, category_N: NDArray[np.int64]) -> Floats:
        """Returns one unit vector (N, 3) from each category's range."""
        kernel_N = rng.choice(KERNELS, size=len(category_N), p=self.share_K)
        return sample_vmf(rng, self.centre_CK3[category_N, kernel_N], self.kappa_CK[category_N, kernel_N])

    def draw_days(self, rng: np.random.Generator, category_N: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns one day of the year, 0 to 364, from each category's season."""
        # One ascending table for all categories: category plus its distribution function.
        table_CD = np.cumsum(self.season_CD, axis=1) + np.arange(self.species)[:, None]
        day_N = np.searchsorted(table_CD.ravel(), category_N + rng.random(len(category_N))) - DAYS * category_N
        return np.asarray(np.clip(day_N, 0, DAYS - 1), dtype=np.int64)

    def marked(self, category_N: NDArray[np.int64], resolution: int) -> NDArray[np.int64]:
        """Returns the mark to be seen in a picture of that resolution (N): the member, or 0 for none."""
        visible_N = resolution >= self.mark_from_G[self.group_C[category_N]]
        return np.where(visible_N, self.member_C[category_N], 0)


def make_planet(config: WorldConfig) -> Planet:
    """Returns the planet of that configuration, a function of species, group_size, mark_resolution and seed."""
    rng = np.random.default_rng([config.seed, 1])
    group_C, member_C = np.divmod(np.arange(config.species), config.group_size)
    centre_CK3, kappa_CK = _ranges(rng, config, group_C, member_C)
    return Planet(
        group_C=group_C,
        member_C=member_C,
        mark_from_G=config.mark_resolution * np.array([1.0, np.inf, 1.5, np.inf])[np.arange(config.groups) % 4],
        centre_CK3=centre_CK3,
        kappa_CK=kappa_CK,
        share_K=np.array([CORE_SHARE, 1 - CORE_SHARE]),
        season_CD=_seasons(rng, config, group_C, member_C),
    )


def _ranges(
    rng: np.random.Generator, config: WorldConfig, group_C: NDArray[np.int64], member_C: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Returns kernel centres (C, KERNELS, 3) and concentrations (C, KERNELS).

    A group's species live in regions round a common centre, two species to a region: those two differ in season.
    """
    longitude_G = GOLDEN_ANGLE * np.arange(config.groups, dtype=np.float64) + rng.uniform(-180, 180)
    home_G3 = to_xyz(rng.uniform(-30, 40, config.groups), longitude_G)
    regions = -(-config.group_size // 2)
    turn_G = rng.uniform(0, 2 * np.pi, config.groups)
    bearing_C = turn_G[group_C] + 2 * np.pi * (member_C // 2) / regions + rng.normal(0, 0.15, config.species)
    distance_C = np.radians(rng.uniform(20, 26, config.species)) * (regions > 1)
    core_C3 = towards(home_G3[group_C], distance_C, bearing_C)
    away_C, aside_C = np.radians(rng.uniform(8, 16, config.species)), rng.uniform(0, 2 * np.pi, config.species)
    outlier_C3 = towards(core_C3, away_C, aside_C)
    spread_CK = np.radians(rng.uniform(11, 16, (config.species, KERNELS)))
    return np.stack([core_C3, outlier_C3], axis=1), spread_CK**-2


def _seasons(
    rng: np.random.Generator, config: WorldConfig, group_C: NDArray[np.int64], member_C: NDArray[np.int64]
) -> Floats:
    """Returns p(day | category) (C, 365), von Mises on the year; two species of a region peak half a year apart."""
    regions = -(-config.group_size // 2)
    spring_GR = rng.uniform(0, 2 * np.pi, (config.groups, regions))
    peak_C = spring_GR[group_C, member_C // 2] + np.pi * (member_C % 2) + rng.normal(0, 0.2, config.species)
    sharpness_C = rng.uniform(1.4, 2.6, config.species)
    angle_D = 2 * np.pi * np.arange(DAYS) / DAYS
    weight_CD = np.exp(sharpness_C[:, None] * (np.cos(angle_D - peak_C[:, None]) - 1))
    season_CD: Floats = weight_CD / weight_CD.sum(axis=1, keepdims=True)
    return season_CD
