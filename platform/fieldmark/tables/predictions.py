"""Reads what settings got right, image by image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.tables.evidence import Measured
from fieldmark.tables.sources import Results


class Predictions:
    """Top-1 credit of settings on the same test images, aligned by image id."""

    MOST_SEEDS = 20
    """Seeds whose predictions are read; more would not change an interval."""

    def __init__(self, store: Results) -> None:
        self._store = store
        self._ids: NDArray[Any] | None = None
        self._hits: dict[tuple[str, ...], NDArray[np.float64] | None] = {}

    @property
    def images(self) -> int:
        """Number of test images, 0 before the first was read."""
        return 0 if self._ids is None else len(self._ids)

    def hits(self, measured: Measured) -> NDArray[np.float64] | None:
        """Returns credit (S, N) in [0, 1], or None where predictions were not kept for every seed."""
        wanted = measured.evaluation_ids[: self.MOST_SEEDS]
        if wanted not in self._hits:
            rows = [self._row(evaluation_id) for evaluation_id in wanted]
            self._hits[wanted] = None if any(row is None for row in rows) else np.stack(rows)  # type: ignore[arg-type]
        return self._hits[wanted]

    def _row(self, evaluation_id: str) -> NDArray[np.float64] | None:
        found = self._store.predictions(evaluation_id)
        if found is None:
            return None
        ids = found.column("image_id").to_numpy(zero_copy_only=False)
        hits_N: NDArray[np.float64] = found.column("hit1").to_numpy(zero_copy_only=False).astype(np.float64)
        if self._ids is None:
            self._ids = ids
        if len(ids) != len(self._ids):
            return None
        if (ids == self._ids).all():
            return hits_N
        place = {image: position for position, image in enumerate(ids)}
        order = [place.get(image, -1) for image in self._ids]
        aligned_N: NDArray[np.float64] | None = None if -1 in order else hits_N[order]
        return aligned_N
