"""The pointing game: what a hit is, what chance is, and that a stored model's maps are scored by both."""

import numpy as np
import pytest

from fieldmark.data.observations import Split
from fieldmark.data.open import open_dataset
from fieldmark.data.world.marks import Marks
from fieldmark.errors import UserError
from fieldmark.evaluation.activation import looked_at
from fieldmark.evaluation.localisation import TOLERANCE, _chance, hits_of, pointing_game, points_of
from fieldmark.evaluation.pictures import Pictures
from fieldmark.export.load import load_trained
from fieldmark.store import Store
from fieldmark.testing.trained_run import record_trained_run

MARKED = "world:species=6,group_size=3,per_category=4,val_per_category=2,test_per_category=5,full=2,mark_resolution=24"


@pytest.fixture(scope="module")
def made():
    store = Store.open("memory://")
    return store, record_trained_run(store, MARKED, backbone="resnet_smoke"), open_dataset(MARKED)


def _map(size, *cells):
    found = np.zeros((1, size, size), dtype=np.float32)
    for row, column in cells:
        found[0, row, column] = 1
    return found


def test_a_map_points_at_its_maximum_or_the_middle_of_a_plateau():
    points = points_of(np.concatenate([_map(8, (2, 5)), _map(8, (0, 6), (0, 7), (1, 6), (1, 7)), _map(8)]))
    np.testing.assert_array_equal(points.column_N, [5, 6.5, np.nan])
    np.testing.assert_array_equal(points.row_N, [2, 0.5, np.nan])


@pytest.mark.parametrize(
    ("cells", "tolerance", "hit"),
    [
        ([(10, 20)], 0, True),  # the other eyespot's middle
        ([(10, 12)], 0, True),
        ([(10, 13)], 0, False),
        ([(10, 13)], 1, True),
        ([(10, 15)], 2.9, False),
        ([], 9, False),  # a map that says nothing
    ],
)
def test_a_hit_is_within_a_mark_or_the_tolerance(cells, tolerance, hit):
    marks = Marks(np.array([[[10.0, 10.0], [20.0, 10.0]]]), np.array([2.0]))
    assert hits_of(_map(30, *cells), marks, tolerance).tolist() == [hit]


def test_chance_is_the_share_of_the_picture_that_hits():
    rng = np.random.default_rng(0)
    marks = Marks(rng.uniform(0, 15, (4, 2, 2)), rng.uniform(1, 3, 4))
    hits = 0
    for row in range(16):
        for column in range(16):
            hits += hits_of(np.repeat(_map(16, (row, column)), 4, axis=0), marks, 1.5).sum()
    assert _chance(marks, 16, 1.5) == pytest.approx(hits / (4 * 16 * 16))


def test_every_marked_test_picture_is_scored(made):
    store, run_id, dataset = made
    found = {one.method: one for one in pointing_game(store, run_id, dataset)}
    assert list(found) == ["CAM", "Grad-CAM"]
    trained = load_trained(store, run_id)
    data = Pictures(dataset, trained.config, cache=None, say=lambda _: None, pack=False)(32, crops=False)
    positions = np.arange(len(data.parts[Split.TEST]))
    # The first group's marks can be seen from 24 pixels on, and its first species has none.
    category_N, world = data.parts[Split.TEST].category_N, dataset.observations.images
    shown = np.flatnonzero((category_N == 1) | (category_N == 2))
    looked = next(looked_at(trained, data, Split.TEST, positions))
    marks = world.marks(dataset.indices(Split.TEST), 32)
    for method, maps in zip(("CAM", "Grad-CAM"), looked.maps, strict=True):
        one, hits = found[method], 0
        for picture in shown.tolist():
            rows, columns = np.nonzero(maps[picture] > 1 - 1e-6)
            if not len(rows):
                continue  # a map that says nothing
            away = [np.hypot(columns.mean() - x, rows.mean() - y) for x, y in marks.centre_N22[picture]]
            hits += min(away) <= marks.radius_N[picture] + 32 * TOLERANCE
        assert (one.hits, one.n) == (hits, 10) and 0.02 < one.chance < 0.3
        assert one.standard_error == pytest.approx((one.share * (1 - one.share) / 10) ** 0.5)
    assert pointing_game(store, run_id, dataset, tolerance=100.0)[0].hits == 10


def test_the_game_needs_marks_and_the_runs_own_data(made, folder):
    store, run_id, _ = made
    with pytest.raises(UserError, match="these pictures are of"):
        pointing_game(store, run_id, open_dataset(MARKED + ",seed=3"))
    small = record_trained_run(store, MARKED, resolution=16)
    with pytest.raises(UserError, match="16 pixels: no mark"):
        pointing_game(store, small, open_dataset(MARKED))
    on_files = record_trained_run(store, f"folder:{folder}")
    with pytest.raises(UserError, match="no mark is known"):
        pointing_game(store, on_files, open_dataset(f"folder:{folder}"))
