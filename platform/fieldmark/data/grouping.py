"""Records into groups that must not straddle two parts, and groups into parts of given shares."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import PlaceTime

Groups = NDArray[np.int64]


def groups_of(columns: Sequence[NDArray[np.float64]], alone_N: NDArray[np.bool_]) -> Groups:
    """Returns a group number for each record: equal rows share one; a record marked alone has its own.

    Args:
        columns: Numbers (N each), finite where the record is not alone.
        alone_N: Records without the fields that groups are made of.
    """
    group_N = np.empty(len(alone_N), np.int64)
    stacked = np.stack([column[~alone_N] for column in columns], axis=1)
    distinct, inverse = np.unique(stacked, axis=0, return_inverse=True)
    group_N[~alone_N] = inverse.reshape(-1)
    group_N[alone_N] = len(distinct) + np.arange(alone_N.sum())
    return group_N


def by_coordinate(where: PlaceTime) -> Groups:
    """Groups of one exact place."""
    return groups_of([where.latitude_N, where.longitude_N], ~where.has_place_N)


def by_coordinate_and_date(where: PlaceTime) -> Groups:
    """Groups of one exact place on one day (or on no known day): bursts and duplicates."""
    day_N = np.where(where.has_date_N, where.date_N.astype("datetime64[D]").astype(np.int64), np.iinfo(np.int32).min)
    return groups_of([where.latitude_N, where.longitude_N, day_N.astype(np.float64)], ~where.has_place_N)


def by_block(where: PlaceTime, degrees: float = 1.0) -> Groups:
    """Groups of one block of a longitude-latitude grid."""
    return groups_of([np.floor(where.latitude_N / degrees), np.floor(where.longitude_N / degrees)], ~where.has_place_N)


def by_observer(where: PlaceTime) -> Groups:
    """Groups of one person."""
    return groups_of([where.observer_N.astype(np.float64)], where.observer_N < 0)


def alone(where: PlaceTime) -> Groups:
    """Every record by itself."""
    return np.arange(len(where), dtype=np.int64)


def shuffled(count: int, seed: int) -> NDArray[np.int64]:
    """Returns an order of that many groups, the same for the same seed."""
    return np.random.default_rng([seed, count]).permutation(count)


def assign(group_N: Groups, order_G: NDArray[np.int64], shares: Sequence[float]) -> NDArray[np.int8]:
    """Returns for each record the position in `shares` of its group's part.

    Groups are laid end to end in the given order, and a group belongs to the part that its middle falls in: a part
    misses its share by no more than half a group at each end.

    Args:
        group_N: Group of each record, 0 to G-1.
        order_G: Groups in the order in which parts are filled.
        shares: Share of the records for each part, summing to 1.
    """
    size_G = np.bincount(group_N, minlength=len(order_G))[order_G]
    middle_G = np.cumsum(size_G) - size_G / 2
    ends = np.cumsum(shares)[:-1] * len(group_N)
    part_G = np.empty(len(order_G), np.int8)
    part_G[order_G] = np.searchsorted(ends, middle_G, side="right")
    return part_G[group_N]
