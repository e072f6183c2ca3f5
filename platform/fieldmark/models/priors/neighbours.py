"""Category counts among the nearest training records (`nn_knn`, `nn_dist` of the PriorsNet code, SPEC 2.5)."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from fieldmark.config import NearestNeighboursConfig, RadiusNeighboursConfig
from fieldmark.data.experiment import Part
from fieldmark.data.observations import Indices, PlaceTime
from fieldmark.models.priors.base import CountingPrior, labelled_with_place, smoothed_shares
from fieldmark.models.priors.places import place_points, place_season_points, straight

QUERY_NEIGHBOURS = 4_000_000
"""Neighbours fetched at once."""


class NearestNeighbours(CountingPrior):
    """(pseudo-count + neighbours of the category) / sum over the k nearest records; all records if k exceeds them.

    With a season, neighbours are near in place and in the year among the dated records; a record without a date is
    answered by place alone, among all records. Records at the same distance as the k-th are taken in the tree's
    order, which depends on nothing but the training records.
    """

    def __init__(
        self, config: NearestNeighboursConfig, where: PlaceTime, labels_N: NDArray[np.int32], num_categories: int
    ) -> None:
        """Takes place, time and category of N training records, places and categories known."""
        super().__init__(labels_N, num_categories)
        self._config = config
        self._labels_N = labels_N
        self._by_place = cKDTree(place_points(where, config.metric))
        dated = np.flatnonzero(where.has_date_N) if config.season > 0 else np.empty(0, dtype=np.int64)
        self._dated_labels_N = labels_N[dated]
        self._by_season = (
            cKDTree(place_season_points(where.take(dated), config.metric, config.season)) if len(dated) else None
        )

    def neighbour_labels(self, where: PlaceTime) -> NDArray[np.int32]:
        """Returns the categories of the k nearest records, nearest first.

        Args:
            where: n records with a known place.

        Returns:
            (n, k) with k at most the number of records; -1 fills rows that have fewer.
        """
        k = min(self._config.k, len(self._labels_N))
        labels_NK = np.full((len(where), k), -1, dtype=np.int32)
        seasonal_N = where.has_date_N & (self._by_season is not None)
        by_season, by_place = np.flatnonzero(seasonal_N), np.flatnonzero(~seasonal_N)
        if len(by_season):
            points = place_season_points(where.take(by_season), self._config.metric, self._config.season)
            found = _nearest(self._by_season, points, self._dated_labels_N, k)
            labels_NK[by_season, : found.shape[1]] = found
        if len(by_place):
            points = place_points(where.take(by_place), self._config.metric)
            labels_NK[by_place] = _nearest(self._by_place, points, self._labels_N, k)
        return labels_NK

    def _score(self, where: PlaceTime) -> NDArray[np.float64]:
        labels_NK = self.neighbour_labels(where)
        row_N = np.repeat(np.arange(len(where)), (labels_NK >= 0).sum(axis=1))
        counts_NC = count(row_N, labels_NK[labels_NK >= 0], len(where), self.num_categories)
        return smoothed_shares(counts_NC, self._config.pseudo_count)


class RadiusNeighbours(CountingPrior):
    """(pseudo-count + neighbours of the category) / sum over all records within a radius; uniform if there is none."""

    def __init__(
        self, config: RadiusNeighboursConfig, where: PlaceTime, labels_N: NDArray[np.int32], num_categories: int
    ) -> None:
        """Takes places and categories of N training records, all of them known."""
        super().__init__(labels_N, num_categories)
        self._config = config
        self._labels_N = labels_N
        self._tree = cKDTree(place_points(where, config.metric))

    def _score(self, where: PlaceTime) -> NDArray[np.float64]:
        points = place_points(where, self._config.metric)
        radius = straight(self._config.radius, self._config.metric)
        size_N = self._tree.query_ball_point(points, radius, return_length=True)
        counts_NC = np.zeros((len(points), self.num_categories))
        # Rows go in groups with a bounded number of neighbours together: a radius may hold most of the records.
        group_N = (np.cumsum(size_N) - size_N) // QUERY_NEIGHBOURS
        for rows in np.split(np.arange(len(points)), np.flatnonzero(np.diff(group_N)) + 1):
            found = self._tree.query_ball_point(points[rows], radius)
            labels = self._labels_N[np.concatenate([np.asarray(one, dtype=np.int64) for one in found])]
            row_N = np.repeat(np.arange(len(rows)), size_N[rows])
            counts_NC[rows] = count(row_N, labels, len(rows), self.num_categories)
        return smoothed_shares(counts_NC, self._config.pseudo_count)


def count(
    row_M: Indices,
    label_M: NDArray[np.int32],
    rows: int,
    num_categories: int,
    weight_M: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Returns the (weighted) number of M entries in each of (rows, categories)."""
    flat_M = row_M * num_categories + label_M
    counts = np.bincount(flat_M, weights=weight_M, minlength=rows * num_categories)
    return counts.astype(np.float64).reshape(rows, num_categories)


def neighbours_within(records: PlaceTime, where: PlaceTime, radius_R: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns how many records lie within each great circle radius (radians) of n places, (R, n)."""
    tree = cKDTree(place_points(records, "haversine"))
    points = place_points(where, "haversine")
    counts = [
        tree.query_ball_point(points, straight(float(radius), "haversine"), return_length=True) for radius in radius_R
    ]
    return np.asarray(counts, dtype=np.int64)


def _nearest(tree: cKDTree, points_ND: NDArray[np.float64], labels: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    wanted = min(k, tree.n)
    rows = max(1, QUERY_NEIGHBOURS // wanted)
    found_NK = np.empty((len(points_ND), wanted), dtype=np.int32)
    for start in range(0, len(points_ND), rows):
        chunk = slice(start, start + rows)
        _, index_NK = tree.query(points_ND[chunk], k=np.arange(1, wanted + 1))
        found_NK[chunk] = labels[index_NK]
    return found_NK


def fit_nearest_neighbours(config: NearestNeighboursConfig, train: Part, num_categories: int) -> NearestNeighbours:
    """Indexes the labelled training records that have a place."""
    known = labelled_with_place(train)
    return NearestNeighbours(config, train.place_time.take(known), train.category_N[known], num_categories)


def fit_radius_neighbours(config: RadiusNeighboursConfig, train: Part, num_categories: int) -> RadiusNeighbours:
    """Indexes the labelled training records that have a place."""
    known = labelled_with_place(train)
    return RadiusNeighbours(config, train.place_time.take(known), train.category_N[known], num_categories)
