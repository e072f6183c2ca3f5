"""Train, tune and test by named protocols (SCIENCE rules 5 and 6)."""

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.data import grouping
from fieldmark.data.given_splits import official
from fieldmark.data.observations import Observations, Split
from fieldmark.errors import UserError

Parts = NDArray[np.int8]
Protocol = Callable[[Observations, int], Parts]

SHARES = (0.7, 0.1, 0.2)
"""Train, tune, test of the protocols that draw all three."""
PER_CLASS = 20
"""Test records of each class in GEO100, as in the Dynamic MLP paper; tune gets as many."""
_DEFAULTS = {"yfcc_geo100": "per_class_20"}


def split(observations: Observations, protocol: str | None = None) -> tuple[str, Parts]:
    """Splits records by a protocol `NAME[:SEED]`.

    Args:
        observations: The records.
        protocol: One of PROTOCOLS, with seed 0 if none is given; None for the data set's default: `official` where a
            split is given, `per_class_20` for GEO100, `per_class` where no record has a place, else `coordinate`.

    Returns:
        The full name, e.g. `coordinate:0`, and `Split` codes (N). Records without a label are `UNUSED`.

    Raises:
        UserError: for an unknown protocol, one that these records cannot have, or one that leaves a part empty.
    """
    name, seed = _parse(protocol or _default(observations))
    split_N = PROTOCOLS[name](observations, seed)
    split_N[observations.category_N < 0] = Split.UNUSED
    for part in (Split.TRAIN, Split.TUNE, Split.TEST):
        if not (split_N == part).any():
            raise UserError(
                f"{observations.name}: protocol {name} leaves no records for {part.name.lower()} "
                f"({len(observations)} records); choose another of {', '.join(PROTOCOLS)}"
            )
    return f"{name}:{seed}", split_N


def _default(observations: Observations) -> str:
    if observations.given_split is not None:
        return "official"
    placed = bool(observations.place_time.has_place_N.any())
    return _DEFAULTS.get(observations.name, "coordinate" if placed else "per_class")


def _parse(protocol: str) -> tuple[str, int]:
    name, _, seed = protocol.partition(":")
    if name not in PROTOCOLS:
        close = difflib.get_close_matches(name, PROTOCOLS, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UserError(f"unknown split protocol {name!r}.{hint} Expected NAME[:SEED], NAME of {', '.join(PROTOCOLS)}")
    if seed and not (seed.isascii() and seed.isdigit()):
        raise UserError(f"split protocol {protocol!r}: the seed must be a whole number of at least 0")
    return name, int(seed or 0)


def _grouped(group_N: grouping.Groups, seed: int, shares: tuple[float, float, float] = SHARES) -> Parts:
    count = int(group_N.max(initial=-1)) + 1
    return grouping.assign(group_N, grouping.shuffled(count, seed), shares)


def _coordinate(observations: Observations, seed: int) -> Parts:
    return _grouped(grouping.by_coordinate(observations.place_time), seed)


def _spatial_block(observations: Observations, seed: int) -> Parts:
    return _grouped(grouping.by_block(observations.place_time), seed)


def _observer(observations: Observations, seed: int) -> Parts:
    where = observations.place_time
    if not (where.observer_N >= 0).any():
        raise UserError(f"{observations.name}: protocol observer needs observers, and no record has one")
    return _grouped(grouping.by_observer(where), seed)


def _geo_prior(observations: Observations, seed: int) -> Parts:
    return _grouped(grouping.alone(observations.place_time), seed, (0.75, 0.05, 0.2))


def _per_class_20(observations: Observations, seed: int) -> Parts:
    """Draws test and tune records of each class; a class with fewer than 60 records gives a third of them to each."""
    rank_N, size_N = _ranks(observations.category_N, seed)
    drawn_N = np.minimum(PER_CLASS, size_N // 3)
    return _first_test_then_tune(rank_N, drawn_N, drawn_N)


def _per_class(observations: Observations, seed: int) -> Parts:
    """Draws SHARES of each class at random; three records are enough for all parts, a second one is for the test."""
    rank_N, size_N = _ranks(observations.category_N, seed)
    test_N = np.where(size_N > 1, np.maximum(1, np.rint(SHARES[2] * size_N)), 0)
    tune_N = np.where(size_N > 2, np.maximum(1, np.rint(SHARES[1] * size_N)), 0)
    return _first_test_then_tune(rank_N, test_N, tune_N)


def _ranks(category_N: NDArray[np.int32], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns each record's place in a random order of its class, from 0, and its class's size."""
    order_N = np.random.default_rng(seed).permutation(len(category_N))
    order_N = order_N[np.argsort(category_N[order_N], kind="stable")]
    sorted_N = category_N[order_N]
    first_N = np.searchsorted(sorted_N, sorted_N)
    rank_N, size_N = np.empty((2, len(order_N)), np.int64)
    rank_N[order_N] = np.arange(len(order_N)) - first_N
    size_N[order_N] = np.searchsorted(sorted_N, sorted_N, side="right") - first_N
    return rank_N, size_N


def _first_test_then_tune(rank_N: NDArray[np.int64], test_N: NDArray[Any], tune_N: NDArray[Any]) -> Parts:
    conditions = [rank_N < test_N, rank_N < test_N + tune_N]
    return np.select(conditions, [int(Split.TEST), int(Split.TUNE)], int(Split.TRAIN)).astype(np.int8)


def _forward_in_time(observations: Observations, seed: int) -> Parts:
    """Tests on the latest fifth, tunes on the tenth before it; no day straddles, and undated records are not used."""
    where = observations.place_time
    dated_N = np.flatnonzero(where.has_date_N & (observations.category_N >= 0))
    if not len(dated_N):
        raise UserError(f"{observations.name}: protocol forward_in_time needs dates, and no record has one")
    days, day_N = np.unique(where.date_N[dated_N], return_inverse=True)
    split_N = np.full(len(observations), Split.UNUSED, np.int8)
    split_N[dated_N] = grouping.assign(day_N.reshape(-1), np.arange(len(days)), SHARES)
    return split_N


PROTOCOLS: dict[str, Protocol] = {
    "official": official,
    "per_class_20": _per_class_20,
    "geo_prior_75_5_20": _geo_prior,
    "coordinate": _coordinate,
    "spatial_block": _spatial_block,
    "observer": _observer,
    "forward_in_time": _forward_in_time,
    "per_class": _per_class,
}
"""Name to the function that makes it."""
