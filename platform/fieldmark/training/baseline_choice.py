"""Settings of the reference priors, chosen on the tune part by the prior's log-loss (SCIENCE rules 5 and 6).

What is tried (every combination, all training records, all tune records with a category and a place):

| method             | settings |
|--------------------|----------|
| class_frequency    | none |
| grid               | lon x lat cells of 10, 5, 3, 2, 1 and 0.5 degrees; beta - 1 as the pseudo-counts below |
| nearest_neighbours | k in 5, 15, 30, 60, 100, 200, 500, 1000; season of 0, .005, .015, .06, .25, 1; pseudo-counts |
| radius_neighbours  | great circles of 1, 3, 10, 30, 100, 300 and 1000 km; pseudo-counts below |
| kernel_density     | quantum of .001, .1 and 1 degree; 10, 30, 100, 300 and 600 neighbours |

Pseudo-counts are the published 1 and .3, .1, .03, .01; on few categories, the published one costs neighbours 0.1 nats.
Seasons other than 0 are tried where both parts have dates, and k up to the number of training records. The chosen
values therefore depend on train and tune only, never on test.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fieldmark.config import (
    BaselineConfig,
    ClassFrequencyConfig,
    GridConfig,
    KernelDensityConfig,
    NearestNeighboursConfig,
    RadiusNeighboursConfig,
    TangConfig,
)
from fieldmark.data.experiment import ExperimentData, Part
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.models.priors.base import labelled_with_place
from fieldmark.models.priors.grid import cell
from fieldmark.models.priors.kernel_density import fit_kernel_density
from fieldmark.models.priors.neighbours import fit_nearest_neighbours, neighbours_within
from fieldmark.training.metrics import FLOOR, chunk_rows

PSEUDO_COUNTS = (1.0, 0.3, 0.1, 0.03, 0.01)
NEIGHBOURS = (5, 15, 30, 60, 100, 200, 500, 1000)
SEASONS = (0.0, 0.005, 0.015, 0.06, 0.25, 1.0)
CELL_DEGREES = (10.0, 5.0, 3.0, 2.0, 1.0, 0.5)
RADII_KM = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
EARTH_KM = 6371.4
QUANTA = (0.001, 0.1, 1.0)
KERNEL_NEIGHBOURS = (10, 30, 100, 300, 600)


def baseline_configs(data: ExperimentData, has_features: bool) -> list[BaselineConfig]:
    """Returns one configuration of every reference prior that the data allow, its settings chosen on tune.

    Args:
        data: Train and tune; without a tune record that has a category and a place, the defaults are returned.
        has_features: Whether image features are at hand, without which Tang et al.'s classifier is not offered.
    """
    chosen: list[BaselineConfig] = [ClassFrequencyConfig()]
    train = data.parts[Split.TRAIN]
    if len(labelled_with_place(train)):
        tune = data.parts.get(Split.TUNE)
        known = np.empty(0, dtype=np.int64) if tune is None else labelled_with_place(tune)
        if tune is None or not len(known):
            defaults = (GridConfig, NearestNeighboursConfig, RadiusNeighboursConfig, KernelDensityConfig)
            chosen += [default() for default in defaults]
        else:
            chosen += _chosen(train, data.num_categories, tune.place_time.take(known), tune.category_N[known])
    if has_features:
        chosen.append(TangConfig())
    return chosen


Tried = Iterator[tuple[BaselineConfig, float]]


def _chosen(train: Part, num_categories: int, where: PlaceTime, true_N: NDArray[np.int32]) -> list[BaselineConfig]:
    searches = (_grids, _nearest, _radii, _kernels)
    return [min(search(train, num_categories, where, true_N), key=lambda tried: tried[1])[0] for search in searches]


def _grids(train: Part, num_categories: int, where: PlaceTime, true_N: NDArray[np.int32]) -> Tried:
    known = labelled_with_place(train)
    places, labels_N = train.place_time.take(known), train.category_N[known].astype(np.int64)
    for degrees in CELL_DEGREES:
        size = {"lon_cells": round(360 / degrees), "lat_cells": round(180 / degrees)}
        cell_N, asked_N = cell(GridConfig(**size), places), cell(GridConfig(**size), where)
        total_N = _occurrences(cell_N, asked_N)
        same_N = _occurrences(cell_N * num_categories + labels_N, asked_N * num_categories + true_N)
        for pseudo_count in PSEUDO_COUNTS:
            config = GridConfig(**size, pseudo_count=1 + pseudo_count)
            yield config, _log_loss(same_N, total_N, pseudo_count, num_categories)


def _nearest(train: Part, num_categories: int, where: PlaceTime, true_N: NDArray[np.int32]) -> Tried:
    known = labelled_with_place(train)
    sizes = [k for k in NEIGHBOURS if k <= len(known)] or [len(known)]
    dated = train.place_time.has_date_N[known].any() and where.has_date_N.any()
    for season in SEASONS if dated else SEASONS[:1]:
        prior = fit_nearest_neighbours(NearestNeighboursConfig(k=sizes[-1], season=season), train, num_categories)
        labels_NK = prior.neighbour_labels(where)
        same_NK = np.cumsum(labels_NK == true_N[:, None], axis=1, dtype=np.int32)
        total_N = (labels_NK >= 0).sum(axis=1)
        for k in sizes:
            for pseudo_count in PSEUDO_COUNTS:
                config = NearestNeighboursConfig(k=k, season=season, pseudo_count=pseudo_count)
                yield config, _log_loss(same_NK[:, k - 1], np.minimum(total_N, k), pseudo_count, num_categories)


def _radii(train: Part, num_categories: int, where: PlaceTime, true_N: NDArray[np.int32]) -> Tried:
    known = labelled_with_place(train)
    places, labels_N = train.place_time.take(known), train.category_N[known]
    radii = np.array(RADII_KM) / EARTH_KM
    total_RN = neighbours_within(places, where, radii)
    same_RN = np.zeros_like(total_RN)
    for category in np.unique(true_N):
        asked, mine = np.flatnonzero(true_N == category), np.flatnonzero(labels_N == category)
        if len(mine):
            same_RN[:, asked] = neighbours_within(places.take(mine), where.take(asked), radii)
    for radius, total_N, same_N in zip(radii, total_RN, same_RN, strict=True):
        for pseudo_count in PSEUDO_COUNTS:
            config = RadiusNeighboursConfig(radius=float(radius), metric="haversine", pseudo_count=pseudo_count)
            yield config, _log_loss(same_N, total_N, pseudo_count, num_categories)


def _kernels(train: Part, num_categories: int, where: PlaceTime, true_N: NDArray[np.int32]) -> Tried:
    rows = chunk_rows(num_categories)
    for quantum in QUANTA:
        most = KernelDensityConfig(quantum=quantum, neighbours=KERNEL_NEIGHBOURS[-1])
        prior = fit_kernel_density(most, train, num_categories)
        distance_NK, entry_NK = prior.nearest(where)
        for neighbours in KERNEL_NEIGHBOURS:
            total = 0.0
            for start in range(0, len(true_N), rows):
                chunk = slice(start, start + rows)
                shares_NC = prior.shares(distance_NK[chunk, :neighbours], entry_NK[chunk, :neighbours])
                true_N1 = np.take_along_axis(shares_NC, true_N[chunk, None], axis=1)
                total -= float(np.log(np.maximum(true_N1, FLOOR)).sum())
            yield KernelDensityConfig(quantum=quantum, neighbours=neighbours), total / len(true_N)


def _log_loss(
    same_N: NDArray[np.integer], total_N: NDArray[np.integer], pseudo_count: float, num_categories: int
) -> float:
    """Returns the log-loss of (same + pseudo-count) / (total + C pseudo-count), the true category's share."""
    share_N = (same_N + pseudo_count) / (total_N + num_categories * pseudo_count)
    return float(-np.log(np.maximum(share_N, FLOOR)).mean())


def _occurrences(haystack_N: NDArray[np.int64], needle_M: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns how often each needle occurs (M)."""
    sorted_N = np.sort(haystack_N)
    return np.searchsorted(sorted_N, needle_M, side="right") - np.searchsorted(sorted_N, needle_M, side="left")
