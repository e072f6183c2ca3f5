"""Category counts on a longitude by latitude grid (`grid` of the PriorsNet code, SPEC 2.5)."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fieldmark.config import GridConfig
from fieldmark.data.experiment import Part
from fieldmark.data.observations import Indices, PlaceTime
from fieldmark.models.priors.base import CountingPrior, labelled_with_place, smoothed_shares


class Grid(CountingPrior):
    """(n_cell,c + beta - 1) / (n_cell + C beta - C), beta the pseudo-count; uniform in an empty cell.

    With beta = 1 a category never seen in a cell gets exactly 0 there.
    """

    def __init__(self, config: GridConfig, where: PlaceTime, labels_N: NDArray[np.int32], num_categories: int) -> None:
        """Takes the places and categories of N training records, all of them known."""
        super().__init__(labels_N, num_categories)
        self._config = config
        used, row_N = np.unique(cell(config, where), return_inverse=True)
        ones_N = np.ones(len(labels_N))
        # One row more than there are used cells: it stays empty and stands for every other cell.
        self._counts = sparse.csr_matrix((ones_N, (row_N, labels_N)), shape=(len(used) + 1, num_categories))
        self._used = used

    def _score(self, where: PlaceTime) -> NDArray[np.float64]:
        asked_N = cell(self._config, where)
        row_N = np.searchsorted(self._used, asked_N)
        known_N = np.zeros(len(asked_N), dtype=np.bool_)
        inside = row_N < len(self._used)
        known_N[inside] = self._used[row_N[inside]] == asked_N[inside]
        counts_NC = self._counts[np.where(known_N, row_N, len(self._used))].toarray()
        return smoothed_shares(counts_NC, self._config.pseudo_count - 1)


def cell(config: GridConfig, where: PlaceTime) -> Indices:
    """Returns the cell's number (N); a cell holds its lower edges, the last ones their upper edges too."""
    column_N = np.floor((where.longitude_N + 180) / 360 * config.lon_cells).astype(np.int64)
    row_N = np.floor((where.latitude_N + 90) / 180 * config.lat_cells).astype(np.int64)
    return np.minimum(row_N, config.lat_cells - 1) * config.lon_cells + np.minimum(column_N, config.lon_cells - 1)


def fit_grid(config: GridConfig, train: Part, num_categories: int) -> Grid:
    """Counts the labelled training records that have a place."""
    known = labelled_with_place(train)
    return Grid(config, train.place_time.take(known), train.category_N[known], num_categories)
