"""Adaptive kernel density of categories (`kde` of the PriorsNet code; Berg et al. 2014 without time; SPEC 2.5)."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fieldmark.config import KernelDensityConfig
from fieldmark.data.experiment import Part
from fieldmark.data.observations import PlaceTime
from fieldmark.models.priors.base import CountingPrior, labelled_with_place
from fieldmark.models.priors.neighbours import count
from fieldmark.models.priors.places import place_points


class KernelDensity(CountingPrior):
    """Gaussian kernels of records around the place asked for, in the plane of degrees.

    Records of a category on one point of the quantised plane are one entry, weighted by their number. The bandwidth
    h is half the distance from the place to its `neighbours`-th entry, so the entries within 2h are those
    neighbours. A category's score is the weighted sum of exp(-d^2 / 2h^2) over its entries, plus the smallest such
    sum that is not zero; scores are normalised.

    The specification leaves three things open. The bandwidth is read as the query's, not each entry's; its
    prefactor 1 / (2 pi h) then cancels. h is at least half the quantum, for places where all neighbours coincide.
    With fewer entries than `neighbours`, all are used.
    """

    def __init__(
        self, config: KernelDensityConfig, where: PlaceTime, labels_N: NDArray[np.int32], num_categories: int
    ) -> None:
        """Takes places and categories of N training records, all of them known."""
        super().__init__(labels_N, num_categories)
        self._config = config
        steps_N2 = np.rint(place_points(where, "euclidean") / config.quantum).astype(np.int64)
        entries, weight = np.unique(np.column_stack([steps_N2, labels_N]), axis=0, return_counts=True)
        self._labels = entries[:, 2].astype(np.int32)
        self._weight = weight.astype(np.float64)
        self._tree = cKDTree(entries[:, :2] * config.quantum)

    def nearest(self, where: PlaceTime) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Returns distances in degrees and numbers of the nearest entries, each (n, k), nearest first."""
        k = min(self._config.neighbours, self._tree.n)
        return self._tree.query(place_points(where, "euclidean"), k=np.arange(1, k + 1))  # type: ignore[no-any-return]

    def shares(self, distance_NK: NDArray[np.float64], entry_NK: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns the categories' shares (n, C) from the k nearest entries."""
        n, k = distance_NK.shape
        bandwidth_N1 = np.maximum(distance_NK[:, -1:], self._config.quantum) / 2
        kernel_NK = self._weight[entry_NK] * np.exp(-0.5 * (distance_NK / bandwidth_N1) ** 2)
        row_M = np.repeat(np.arange(n), k)
        sums_NC = count(row_M, self._labels[entry_NK.ravel()], n, self.num_categories, kernel_NK.ravel())
        sums_NC += np.min(sums_NC, axis=1, keepdims=True, where=sums_NC > 0, initial=np.inf)
        return np.asarray(sums_NC / sums_NC.sum(axis=1, keepdims=True))

    def _score(self, where: PlaceTime) -> NDArray[np.float64]:
        return self.shares(*self.nearest(where))


def fit_kernel_density(config: KernelDensityConfig, train: Part, num_categories: int) -> KernelDensity:
    """Merges and indexes the labelled training records that have a place."""
    known = labelled_with_place(train)
    return KernelDensity(config, train.place_time.take(known), train.category_N[known], num_categories)
