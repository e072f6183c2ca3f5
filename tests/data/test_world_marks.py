"""Where the world says a mark is, is where the picture changes when it is drawn."""

import numpy as np
import pytest

from fieldmark.data.open import open_dataset
from fieldmark.data.select import take
from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.render import render
from fieldmark.data.world.world import World, marks_of

CONFIG = WorldConfig(mark_resolution=24, group_size=12, species=48, val_per_category=1, test_per_category=2)
WORLD = World(CONFIG)
TEST = np.flatnonzero(WORLD.records.part_N == 2)


def _drawn(resolution: int, *, marks: bool) -> np.ndarray:
    records, planet = WORLD.records, WORLD.planet
    category_N = records.category_N[TEST]
    group_N = planet.group_C[category_N]
    mark_N = planet.marked(category_N, resolution)
    return render(
        CONFIG,
        group_N=group_N,
        mark_N=mark_N if marks else np.zeros_like(mark_N),
        mark_from_N=planet.mark_from_G[group_N],
        part_N=records.part_N[TEST],
        serial_N=records.serial_N[TEST],
        resolution=resolution,
    ).astype(int)


@pytest.mark.parametrize("resolution", [24, 28, 56, 112])
def test_pixels_change_within_the_marks_and_nowhere_else(resolution: int) -> None:
    changed_NHW = np.abs(_drawn(resolution, marks=True) - _drawn(resolution, marks=False)).max(axis=3) > 0
    marks = WORLD.images.marks(TEST, resolution)
    assert 20 < marks.visible_N.sum() < len(TEST)
    found = 0
    for changed_HW, centre_22, radius in zip(changed_NHW, marks.centre_N22, marks.radius_N, strict=True):
        if not np.isfinite(radius):
            assert not changed_HW.any()
            continue
        row_K, column_K = np.nonzero(changed_HW)
        away_K2 = np.hypot(column_K[:, None] - centre_22[:, 0], row_K[:, None] - centre_22[:, 1])
        assert (away_K2.min(axis=1) <= radius + 1).all(), "half a pixel of the rim, and half of the pixel itself"
        for eye in (0, 1):
            near_K = away_K2[:, eye] <= radius + 1
            if near_K.sum() >= 4 and np.hypot(*(centre_22[0] - centre_22[1])) > 2 * radius + 2:
                middle = column_K[near_K].mean(), row_K[near_K].mean()
                assert np.hypot(*(middle - centre_22[eye])) < 0.5 + 0.5 * radius
                found += 1
    assert found > 20


def test_nothing_is_to_be_seen_below_the_marks_resolution() -> None:
    marks = WORLD.images.marks(TEST, 23)
    assert not marks.visible_N.any() and np.isnan(marks.centre_N22).all()


def test_selections_of_records_keep_their_marks() -> None:
    dataset = open_dataset("world:species=6,group_size=2,per_category=4,val_per_category=2,test_per_category=3,full=2")
    whole = marks_of(dataset.observations, np.arange(len(dataset.observations)), 100)
    picked = take(take(dataset.observations, np.arange(5, 30)), np.array([20, 3]))
    found = marks_of(picked, np.array([1, 0]), 100)
    assert whole is not None and found is not None
    np.testing.assert_array_equal(found.centre_N22, whole.centre_N22[[8, 25]])
    np.testing.assert_array_equal(found.radius_N, whole.radius_N[[8, 25]])
