"""The split that a data set came with, made into train, tune and test."""

import numpy as np
from numpy.typing import NDArray

from fieldmark.data import grouping
from fieldmark.data.observations import Observations, Split
from fieldmark.errors import UserError

TUNE_SHARE = 0.1
"""Share of the training records that tune takes where none was given."""
WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "tune": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
"""What parts of a split are called, in lower case, and which part is meant."""


def official(observations: Observations, seed: int) -> NDArray[np.int8]:
    """Follows the given split.

    With train, val and test, val is tune. With only one of val and test beside train, that one is the test part, and
    tune is carved from train so that no place and day straddles. Other values than these are not used.

    Raises:
        UserError: if there is no split, or it has no train, or nothing beside it.
    """
    given = observations.given_split
    if given is None:
        raise UserError(f"{observations.name}: protocol official needs a split column, and there is none")
    found, inverse = np.unique(given, return_inverse=True)
    words = np.array([WORDS.get(str(value).strip().lower(), "") for value in found], np.str_)
    word_N = words[inverse.reshape(-1)]
    present = set(words.tolist()) - {""}
    if "train" not in present or len(present) == 1:
        shown = ", ".join(repr(str(value)) for value in found[:10])
        raise UserError(f"{observations.name}: the split column has {shown}; expected train, and val or test beside it")
    split_N = np.full(len(observations), Split.UNUSED, np.int8)
    split_N[word_N == "train"] = Split.TRAIN
    split_N[word_N == "val"] = Split.TUNE if "test" in present else Split.TEST
    split_N[word_N == "test"] = Split.TEST
    if present != {"train", "val", "test"}:
        split_N = _carve_tune(observations, split_N, seed)
    return split_N


def _carve_tune(observations: Observations, split_N: NDArray[np.int8], seed: int) -> NDArray[np.int8]:
    train_N = np.flatnonzero((split_N == Split.TRAIN) & (observations.category_N >= 0))
    group_N = grouping.by_coordinate_and_date(observations.place_time.take(train_N))
    order_G = grouping.shuffled(int(group_N.max(initial=-1)) + 1, seed)
    carved_N = grouping.assign(group_N, order_G, (TUNE_SHARE, 1 - TUNE_SHARE)) == 0
    result = split_N.copy()
    result[train_N[carved_N]] = Split.TUNE
    return result
