"""Paired bootstrap over seeds and test images (SCIENCE rule 9)."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 2**22
"""Draws made at a time."""
MOST_KEPT_BYTES = 2**27
"""Draws are kept up to here, and made anew for every method beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A difference of two means with its 95 % interval."""

    value: float
    low: float
    high: float
    error: float
    """Standard deviation over the replicates."""

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no difference, from the bootstrap's standard error."""
        if not self.error:
            return 1.0 if self.value == 0 else 0.0
        return math.erfc(abs(self.value) / self.error / math.sqrt(2))


class ImageResampler:
    """Compares methods scored on the same N images; every comparison sees the same resampled images.

    Images are drawn with replacement once a replicate and for both methods, which is what makes it paired. Seeds are
    drawn within each method; as few seeds drawn with replacement vary too little by the factor (S - 1)/S, their weights
    are stretched by √(S/(S - 1)). A method with one seed contributes no seed spread, and a table must say so.

    Args:
        images: N.
        replicates: bootstrap replicates.
        seed: of the resampling, so that a table is the same every time.
    """

    def __init__(self, images: int, *, replicates: int = 1000, seed: int = 0) -> None:
        self.images, self.replicates, self.seed = images, replicates, seed
        self._cache: dict[bytes, NDArray[np.float64]] = {}
        self._kept: list[NDArray[np.uint8]] | None = None

    def difference(self, hits_SN: NDArray[np.floating], other_RN: NDArray[np.floating]) -> Difference:
        """Returns the mean of the first minus the mean of the second, with its interval.

        Args:
            hits_SN: S seeds by N images; top-1 credit in [0, 1], or any value an image has.
            other_RN: R seeds by the same N images.
        """
        assert hits_SN.shape[1] == other_RN.shape[1] == self.images, (hits_SN.shape, other_RN.shape, self.images)
        random = np.random.default_rng((self.seed, 1))
        sums_BS, sums_BR = self._resampled(hits_SN), self._resampled(other_RN)
        draws_B: NDArray[np.float64] = (sums_BS * _seed_weights(random, self.replicates, hits_SN.shape[0])).mean(axis=1)
        draws_B -= (sums_BR * _seed_weights(random, self.replicates, other_RN.shape[0])).mean(axis=1)
        low, high = np.quantile(draws_B, (0.025, 0.975))
        value = float(hits_SN.mean() - other_RN.mean())
        return Difference(value=value, low=float(low), high=float(high), error=float(draws_B.std(ddof=1)))

    def _resampled(self, hits_SN: NDArray[np.floating]) -> NDArray[np.float64]:
        """Returns each seed's mean on each replicate's images, (B, S)."""
        dense_NS = np.ascontiguousarray(hits_SN.T, dtype=np.float32)
        key = hashlib.sha256(dense_NS.tobytes()).digest() + repr(dense_NS.shape).encode()
        if key not in self._cache:
            parts = [counts_bN.astype(np.float32) @ dense_NS for counts_bN in self._draws()]
            self._cache[key] = np.concatenate(parts).astype(np.float64) / self.images
        return self._cache[key]

    def _draws(self) -> Iterator[NDArray[np.uint8]]:
        """Yields how often each replicate drew each image, (b, N) at a time; the same on every call."""
        if self._kept is None and self.replicates * self.images <= MOST_KEPT_BYTES:
            self._kept = list(self._drawn())
        yield from self._drawn() if self._kept is None else self._kept

    def _drawn(self) -> Iterator[NDArray[np.uint8]]:
        random = np.random.default_rng((self.seed, 0))
        step = max(1, CHUNK // self.images)
        for start in range(0, self.replicates, step):
            rows = min(step, self.replicates - start)
            draws_bN = random.integers(0, self.images, size=(rows, self.images))
            draws_bN += np.arange(rows)[:, None] * self.images
            counts = np.bincount(draws_bN.ravel(), minlength=rows * self.images)
            yield counts.reshape(rows, self.images).astype(np.uint8)  # no image is drawn 256 times in any life


def _seed_weights(random: np.random.Generator, replicates: int, seeds: int) -> NDArray[np.float64]:
    """Returns weights of seeds with mean 1, (B, S)."""
    if seeds == 1:
        return np.ones((replicates, 1))
    counts_BS = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=replicates).astype(np.float64)
    weights_BS: NDArray[np.float64] = 1 + math.sqrt(seeds / (seeds - 1)) * (counts_BS - 1)
    return weights_BS
