"""What the priors that count training records have in common."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.experiment import Part
from fieldmark.data.observations import Indices, PlaceTime

CHUNK_SCORES = 4_000_000
"""Scores computed at once: bounds the working memory of a chunk of rows."""


class CountingPrior(ABC):
    """A prior whose scores are category counts near a place.

    Counts of records, each taken once, estimate the posterior under instance-balanced sampling, so the raw scores
    need no correction (SCIENCE rule 3) and `corrected` returns them.

    Attributes:
        training_class_prior_C: Share of each category among the records the prior counts; sums to 1.
        num_categories: C.
    """

    parameters: ClassVar[int] = 0
    """Nothing is trained."""

    def __init__(self, labels_N: NDArray[np.int32], num_categories: int) -> None:
        """Takes the categories (N) of the records the prior counts."""
        self.num_categories = num_categories
        self.training_class_prior_C = category_shares(labels_N, num_categories)
        self._last: tuple[PlaceTime, NDArray[np.float32]] | None = None

    def applies(self, where: PlaceTime) -> NDArray[np.bool_]:
        """Returns for N records whether the prior can be asked: where the place is known."""
        return where.has_place_N

    def raw(self, where: PlaceTime) -> NDArray[np.float32]:
        """Returns the smoothed shares (N, C), summing to 1 in each row; rows where it does not apply are 1.

        The last answer is kept, so that asking for `corrected` of the same records costs nothing; treat it as
        read-only.
        """
        if self._last is None or self._last[0] is not where:
            self._last = (where, self._all_rows(where))
        return self._last[1]

    def corrected(self, where: PlaceTime) -> NDArray[np.float32]:
        """Returns `raw`: shares of instance-balanced records are a posterior already."""
        return self.raw(where)

    def _all_rows(self, where: PlaceTime) -> NDArray[np.float32]:
        scores_NC = np.ones((len(where), self.num_categories), dtype=np.float32)
        asked = np.flatnonzero(self.applies(where))
        rows = max(1, CHUNK_SCORES // self.num_categories)
        for start in range(0, len(asked), rows):
            chunk = asked[start : start + rows]
            scores_NC[chunk] = self._score(where.take(chunk))
        return scores_NC

    @abstractmethod
    def _score(self, where: PlaceTime) -> NDArray[np.float64]:
        """Returns the shares (n, C) of n records at which the prior applies."""


def category_shares(labels_N: NDArray[np.int32], num_categories: int) -> NDArray[np.float64]:
    """Returns n_c / N (C); uniform when there is no record."""
    counts_C = np.bincount(labels_N, minlength=num_categories).astype(np.float64)
    return counts_C / counts_C.sum() if len(labels_N) else np.full(num_categories, 1 / num_categories)


def labelled(part: Part) -> Indices:
    """Returns the positions of the records with a category."""
    return np.flatnonzero(part.category_N >= 0)


def labelled_with_place(part: Part) -> Indices:
    """Returns the positions of the records with a category and a place."""
    return np.flatnonzero((part.category_N >= 0) & part.place_time.has_place_N)


def smoothed_shares(counts_NC: NDArray[np.float64], pseudo_count: float) -> NDArray[np.float64]:
    """Returns (count + pseudo-count) / their sum, in every row; uniform where that sum is zero."""
    smoothed_NC = counts_NC + pseudo_count
    total_N1 = smoothed_NC.sum(axis=1, keepdims=True)
    empty_N = total_N1[:, 0] == 0
    smoothed_NC[empty_N] = 1.0
    total_N1[empty_N] = smoothed_NC.shape[1]
    return np.asarray(smoothed_NC / total_N1)
