"""Reads what settings got right, image by image."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fieldmark.tables.evidence import Measured
from fieldmark.tables.sources import Results

FLOOR = 1e-12
"""Smallest probability that log-loss tells from zero."""


class Predictions:
    """Top-1 credit and log-loss of settings on the same test images, aligned by image id."""

    MOST_SEEDS = 20
    """Seeds whose predictions are read; more would not change an interval."""

    def __init__(self, store: Results) -> None:
        self._store = store
        self._ids: NDArray[Any] | None = None
        self._read: dict[tuple[str, ...], tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]] = {}

    @property
    def images(self) -> int:
        """Number of test images, 0 before the first was read."""
        return 0 if self._ids is None else len(self._ids)

    def hits(self, measured: Measured) -> NDArray[np.float64] | None:
        """Returns credit (S, N) in [0, 1], or None where predictions were not kept for every seed."""
        return self._of(measured.evaluation_ids)[0]

    def hits_of(self, evaluation_id: str) -> NDArray[np.float64] | None:
        """Returns the credit (N,) of one evaluation, or None where predictions were not kept."""
        hits_1N = self._of((evaluation_id,))[0]
        return None if hits_1N is None else hits_1N[0]

    def losses(self, measured: Measured) -> NDArray[np.float64] | None:
        """Returns log-loss (S, N) in nats, or None where probabilities were not kept for every seed."""
        return self._of(measured.evaluation_ids)[1]

    def _of(self, ids: tuple[str, ...]) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        wanted = ids[: self.MOST_SEEDS]
        if wanted not in self._read:
            rows = [self._rows(evaluation_id) for evaluation_id in wanted]
            self._read[wanted] = (_stacked([row[0] for row in rows]), _stacked([row[1] for row in rows]))
        return self._read[wanted]

    def _rows(self, evaluation_id: str) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        found = self._store.predictions(evaluation_id)
        order_N = None if found is None else self._order(found.column("image_id").to_numpy(zero_copy_only=False))
        if found is None or order_N is None:
            return None, None
        hits_N = _column(found, "hit1")[order_N]
        if "true_probability" not in found.column_names:
            return hits_N, None
        return hits_N, -np.log(np.maximum(_column(found, "true_probability")[order_N], FLOOR))

    def _order(self, ids_N: NDArray[Any]) -> NDArray[np.int64] | None:
        """Returns where each of the first evaluation's images stands, or None where one is missing."""
        if self._ids is None:
            self._ids = ids_N
        if len(ids_N) != len(self._ids):
            return None
        if (ids_N == self._ids).all():
            return np.arange(len(ids_N))
        place = {image: position for position, image in enumerate(ids_N)}
        order_N = np.array([place.get(image, -1) for image in self._ids])
        return None if -1 in order_N else order_N


def _column(table: pa.Table, name: str) -> NDArray[np.float64]:
    values_N: NDArray[np.float64] = table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return values_N


def _stacked(rows: list[NDArray[np.float64] | None]) -> NDArray[np.float64] | None:
    kept = [row for row in rows if row is not None]
    return np.stack(kept) if rows and len(kept) == len(rows) else None
