"""Which records an epoch visits, and in which order (Mac Aodha et al. 2019; SPEC 2.3)."""

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import Indices


def epoch_order(category_N: NDArray[np.int32], cap: int | None, *, seed: int, epoch: int) -> Indices:
    """Returns the positions of the records that an epoch visits, shuffled, a function of the arguments alone.

    Without a cap (instance-balanced) every record is visited once. With one (class-balanced) each category gives
    min(n_c, cap) of its records, drawn anew every epoch without replacement. The records stand in the order of one
    random key each, whatever the cap, so a cap that binds nowhere gives the very same order as none.

    Args:
        category_N: category of each record, from 0.
        cap: most records a category gives, or None.
        seed: the run's seed.
        epoch: the epoch, from 0.
    """
    rng = np.random.default_rng((seed, epoch))
    place_N = rng.random(len(category_N))
    chosen = np.arange(len(category_N))
    if cap is not None:
        # A second key decides who is drawn. By the first, a large category's few would all stand near the front.
        chosen = _first_of_each(category_N, rng.random(len(category_N)), cap)
    return chosen[np.argsort(place_N[chosen], kind="stable")]


def shown_counts(category_N: NDArray[np.int32], cap: int | None, categories: int) -> NDArray[np.int64]:
    """Returns how many records of each category an epoch shows (C)."""
    counts_C = np.bincount(category_N, minlength=categories).astype(np.int64)
    return counts_C if cap is None else np.minimum(counts_C, cap)


def _first_of_each(category_N: NDArray[np.int32], key_N: NDArray[np.float64], cap: int) -> Indices:
    """Returns, ascending, the positions of the `cap` records with the smallest keys of each category."""
    by_category = np.lexsort((key_N, category_N))
    sorted_category_N = category_N[by_category]
    rank_N = np.arange(len(category_N)) - np.searchsorted(sorted_category_N, sorted_category_N)
    return np.sort(by_category[rank_N < cap])
