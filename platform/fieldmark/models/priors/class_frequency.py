"""The training set's category frequencies, whatever the place (`train_freq` of the PriorsNet code, SPEC 2.5)."""

import numpy as np
from numpy.typing import NDArray

from fieldmark.config import ClassFrequencyConfig
from fieldmark.data.experiment import Part
from fieldmark.data.observations import PlaceTime
from fieldmark.models.priors.base import CountingPrior, labelled, smoothed_shares


class ClassFrequency(CountingPrior):
    """(1 + n_c) / sum, the same for every record; asks for no field, so it always applies."""

    def __init__(self, labels_N: NDArray[np.int32], num_categories: int) -> None:
        """Takes the categories (N) of the training records."""
        super().__init__(labels_N, num_categories)
        counts_1C = np.bincount(labels_N, minlength=num_categories).astype(np.float64)[None]
        self._shares_1C = smoothed_shares(counts_1C, 1.0)

    def applies(self, where: PlaceTime) -> NDArray[np.bool_]:
        """Returns True for all N records."""
        return np.ones(len(where), dtype=np.bool_)

    def _score(self, where: PlaceTime) -> NDArray[np.float64]:
        return np.repeat(self._shares_1C, len(where), axis=0)


def fit_class_frequency(_config: ClassFrequencyConfig, train: Part, num_categories: int) -> ClassFrequency:
    """Counts the categories of all labelled training records."""
    return ClassFrequency(train.category_N[labelled(train)], num_categories)
