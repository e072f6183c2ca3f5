"""The supplement's figures: their numbers are right, and PNG, SVG and JSON lie side by side."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, FrozenConfig, RunSpec, Scale
from fieldmark.data.open import open_dataset
from fieldmark.errors import UserError
from fieldmark.figures import paper_figures
from fieldmark.figures.category_curves import category_curves, group_count
from fieldmark.figures.category_curves_picture import write_category_curves
from fieldmark.figures.drawing import COLOURS
from fieldmark.figures.geonet_curve import geonet_curve, write_geonet_curve
from fieldmark.figures.heat_map import cells, heat_map
from fieldmark.figures.heat_map_picture import equal_earth, write_heat_map
from fieldmark.figures.land import find_land, outlines, read_land, read_mask
from fieldmark.store import EvaluationRecord, RunRecord, Store
from fieldmark.tables.reproduction import ReproductionPlan

SCALE = Scale(name="smoke", k=8)
WORLD = "world:species=12,per_category=4,val_per_category=3,test_per_category=4,full=2"


def _record(
    store: Store, fusion: str, seed: int, right_C: list[int], *, data: str = "f" * 32, first: int = 0, start: str = ""
) -> str:
    """Records a run that names so many of each category's ten test pictures rightly; returns its id."""
    kind = ClassifierConfig if fusion == "image_only" else FrozenConfig
    config = kind.model_validate({"fusion": fusion, "backbone": "test_resnet", "resolution": 32, "mixup": 0})
    stages = {IMAGE_MODEL: start} if start else {}
    spec = RunSpec(config=config, dataset="toy", fingerprint=data, protocol="official:0", seed=seed, stages=stages)
    hits = [float(place < right) for right in right_C for place in range(10)]
    truth = [category for category in range(len(right_C)) for _ in range(10)]
    ids = [f"{first + place:04d}" for place in range(len(hits))]
    predictions = {"image_id": ids, "true_category": pa.array(truth, pa.int32()), "hit1": pa.array(hits, pa.float32())}
    # Another order of rows must not change what is joined by image.
    table = pa.table(predictions).take(np.random.default_rng(seed).permutation(len(hits)))
    for split in ("tune", "test"):
        values = {"run_ids": (spec.run_id,), "spec": spec, "scale": SCALE, "split": split, "n": len(hits)}
        values |= {"score": "image" if fusion == "image_only" else "joint", "metrics": {"top1": float(np.mean(hits))}}
        store.commit_evaluation(EvaluationRecord.model_validate(values), predictions=table if split == "test" else None)
    curve = pa.table({"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.5], "top1": [0.5, 0.75, None]})
    run = RunRecord(run_id=spec.run_id, spec=spec, scale=SCALE, status="completed", epochs=3)
    store.commit_run(run, curve=curve)
    return spec.run_id


def _test_id(store: Store, run_id: str) -> str:
    return next(
        one.evaluation_id for one in store.evaluation_records() if (one.run_ids, one.split) == ((run_id,), "test")
    )


def _check_files(files: list[Path], width: int) -> dict[str, object]:
    """Asserts that a picture of that width, a drawing and numbers were written; returns the numbers."""
    png, svg, numbers = files
    assert [path.suffix for path in files] == [".png", ".svg", ".json"]
    with Image.open(png) as picture:
        assert picture.width == width
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 100
    assert svg.read_text().rstrip().endswith("</svg>")
    found: dict[str, object] = json.loads(numbers.read_text())
    return found


@pytest.fixture
def store() -> Store:
    return Store.open("memory://")


def test_geonets_curve_begins_at_the_recorded_image_only_accuracy(store: Store, tmp_path: Path) -> None:
    runs = {"toy $ set": (_record(store, "concat_net", 0, [9, 9]), _record(store, "image_only", 0, [3, 6]))}
    found = geonet_curve(store, runs)
    (line,) = found.lines
    assert line.epochs == (0, 1, 2) and line.top1 == (0.45, 0.5, 0.75)
    assert (line.best, line.trained, found.facts.n) == (2, 3, 20)
    assert "tune part" in found.facts.sentence and "smoke" in found.facts.sentence and "frozen" in found.facts.sentence
    data = _check_files(write_geonet_curve(found, tmp_path), 1440)
    assert data["lines"][0]["best_epoch"] == 2  # type: ignore[index]


def test_a_drawing_is_the_same_each_time(store: Store, tmp_path: Path) -> None:
    runs = {"toy": (_record(store, "concat_net", 0, [9, 9]), _record(store, "image_only", 0, [3, 6]))}
    for first, second in zip(
        write_geonet_curve(geonet_curve(store, runs), tmp_path / "a"),
        write_geonet_curve(geonet_curve(store, runs), tmp_path / "b"),
        strict=True,
    ):
        assert first.read_bytes() == second.read_bytes()


def test_categories_stand_in_the_order_of_the_baseline_and_harm_beside_help(store: Store, tmp_path: Path) -> None:
    runs = {
        "image-only": _record(store, "image_only", 0, [9, 1, 5]),
        "GeoNet": _record(store, "concat_net", 0, [8, 4, 10]),
        "image-only, second seed": _record(store, "image_only", 1, [7, 3, 5]),
    }
    ids = {label: _test_id(store, run_id) for label, run_id in runs.items()}
    found = category_curves(
        store, ids, baseline="image-only", control="image-only, second seed", missing=("PriorsNet",)
    )
    by_label = {line.label: line for line in found.lines}
    assert list(by_label) == ["image-only", "GeoNet", "image-only, second seed"]
    assert found.group_sizes == (1, 1, 1) and found.group_records == (10, 10, 10)
    np.testing.assert_allclose(by_label["image-only"].group_top1, (0.1, 0.5, 0.9))
    np.testing.assert_allclose(by_label["GeoNet"].group_top1, (0.4, 1.0, 0.8))
    assert (by_label["GeoNet"].turned_right, by_label["GeoNet"].turned_wrong) == (8, 1)
    assert by_label["image-only, second seed"].is_control and not by_label["GeoNet"].is_control
    data = _check_files(write_category_curves(found, tmp_path), 1680)
    assert data["missing"] == ["PriorsNet"] and data["categories"] == 3


def test_the_figure_says_which_methods_share_the_baselines_luck(store: Store, tmp_path: Path) -> None:
    alone, other = _record(store, "image_only", 0, [9, 1, 5]), _record(store, "image_only", 1, [7, 3, 5])
    runs = {
        "image-only": alone,
        "GeoNet": _record(store, "concat_net", 0, [8, 4, 10], start=alone),
        "Dynamic MLP": _record(store, "concat_net", 2, [9, 4, 10], start=alone),
        "Trained anew": _record(store, "concat_net", 3, [9, 4, 10]),
        "On another": _record(store, "concat_net", 4, [9, 4, 10], start=other),
        "image-only, second seed": other,
    }
    ids = {label: _test_id(store, run_id) for label, run_id in runs.items()}
    found = category_curves(store, ids, baseline="image-only", control="image-only, second seed")
    assert found.on_baseline == ("GeoNet", "Dynamic MLP")
    svg = write_category_curves(found, tmp_path)[1].read_text()
    assert (
        "GeoNet and Dynamic MLP start from image-only's own seed and share its luck, so that the control overstates"
        in svg
    )


@given(st.integers(1, 12_000))
def test_groups_are_about_fifteen_or_of_a_hundred(categories: int) -> None:
    groups = group_count(categories)
    assert 1 <= groups <= categories
    assert groups == min(15, categories) or categories / groups >= 100


def test_evaluations_of_other_records_are_refused(store: Store) -> None:
    one, other = _record(store, "image_only", 0, [1, 2]), _record(store, "concat_net", 0, [1, 2], first=5)
    ids = {"image-only": _test_id(store, one), "GeoNet": _test_id(store, other)}
    with pytest.raises(UserError, match="GeoNet: is evaluated on other records"):
        category_curves(store, ids, baseline="image-only")
    elsewhere = _record(store, "concat_net", 0, [1, 2], data="e" * 32)
    with pytest.raises(UserError, match="different data sets"):
        category_curves(store, {**ids, "GeoNet": _test_id(store, elsewhere)}, baseline="image-only")


def test_a_plan_names_what_is_missing_and_the_command(store: Store, tmp_path: Path) -> None:
    alone, geonet = _record(store, "image_only", 0, [5, 6]), _record(store, "concat_net", 0, [9, 9])
    figures = {
        "figS2": {"iNat2018": geonet, "iNat2018 image only": alone},
        "figS4": {"image-only": alone, "GeoNet": geonet, "GeoNet image only": alone, "Dynamic MLP": "0" * 32},
    }
    plan = ReproductionPlan(scale="smoke", data={}, cells=(), figures=figures)
    files = paper_figures.write_epochs(store, plan, tmp_path)
    assert json.loads(files[2].read_text())["lines"][0]["image_only_run_id"] == alone
    with pytest.raises(UserError, match=r"runs of Dynamic MLP are missing; .*fieldmark reproduce figS4 --scale smoke"):
        paper_figures.write_categories(store, plan, tmp_path)
    del figures["figS4"]["Dynamic MLP"]
    files = paper_figures.write_categories(store, plan.model_copy(update={"figures": figures}), tmp_path)
    data = json.loads(files[2].read_text())
    assert [line["label"] for line in data["lines"]] == ["image-only", "GeoNet"] and data["missing"] == ["PriorsNet"]


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=50), st.sampled_from((1, 5)))
def test_every_record_is_in_one_cell(places: list[tuple[float, float]], degrees: int) -> None:
    latitude_N, longitude_N = np.array(places).T
    row_K, column_K, count_K = cells(latitude_N, longitude_N, float(degrees))
    assert count_K.sum() == len(places)
    assert row_K.min() >= 0 and row_K.max() < 180 / degrees and column_K.min() >= 0
    assert len(set(zip(row_K.tolist(), column_K.tolist(), strict=True))) == len(count_K)


def test_cells_have_the_same_area_and_the_map_keeps_it() -> None:
    latitude_N = np.repeat(np.arange(-89.5, 90), 360)
    longitude_N = np.tile(np.arange(-179.5, 180), 180)
    row_K, column_K, _ = cells(latitude_N, longitude_N, 5.0)
    counts = {row: len(np.unique(column_K[row_K == row])) for row in range(36)}
    area = {row: (np.sin(np.radians(5 * row - 85)) - np.sin(np.radians(5 * row - 90))) / counts[row] for row in counts}
    middle = area[18]
    assert counts[18] == 72
    assert all(abs(area[row] / middle - 1) < 0.02 for row in range(3, 33))
    # A narrow strip's area on the map is its area on the sphere.
    for latitude in (0.0, 40.0, 75.0):
        x, y = equal_earth(np.array([-1.0, 1.0, 0.0, 0.0]), latitude + np.array([0.0, 0.0, -1.0, 1.0]))
        on_map = (x[1] - x[0]) * (y[3] - y[2])
        assert on_map == pytest.approx(np.radians(2) ** 2 * np.cos(np.radians(latitude)), rel=1e-3)


def test_the_heat_map_counts_what_has_a_place(tmp_path: Path) -> None:
    data = open_dataset(WORLD)
    found = heat_map(data)
    assert found.placed + found.without == len(data.observations)
    assert sum(found.count) == found.placed == sum(found.parts.values())
    assert found.whole_earth
    numbers = _check_files(write_heat_map(found, (), "No land.", tmp_path, "figS1", "iNat2018"), 1600)
    assert numbers["stands_for"] == "iNat2018" and numbers["degrees"] == found.degrees


def test_land_is_read_from_a_file_and_mistakes_are_named(tmp_path: Path) -> None:
    square = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
    shapes = [{"type": "Polygon", "coordinates": [square]}, {"type": "MultiPolygon", "coordinates": [[square, square]]}]
    features = [{"type": "Feature", "geometry": shape} for shape in shapes]
    good = tmp_path / "land.geojson"
    good.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert [ring.tolist() for ring in find_land(good)] == [square] * 3
    for text in (
        "{",
        "[]",
        '{"type": "FeatureCollection", "features": []}',
        json.dumps({**shapes[0], "coordinates": [[[0, 400]]]}),
    ):
        bad = tmp_path / "bad.geojson"
        bad.write_text(text)
        with pytest.raises(UserError, match=r"--land .*bad\.geojson: .*GeoJSON of polygons"):
            read_land(bad)
    with pytest.raises(UserError, match=r"--land .*none\.geojson: No such file"):
        read_land(tmp_path / "none.geojson")


def test_the_masks_rings_go_round_the_land(tmp_path: Path) -> None:
    latitude, longitude = np.arange(89.5, -90, -1), np.arange(-179.5, 180)
    sea = np.ones((180, 360), bool)
    sea[40:50, 100:120] = False
    path = tmp_path / "mask.npz"
    np.savez_compressed(path, lat=latitude, lon=longitude, mask=sea)
    with zipfile.ZipFile(path) as parts:
        assert "mask.npy" in parts.namelist()
    (ring,) = outlines(*read_mask(path, 1))
    assert ring[:, 0].min() == pytest.approx(-80, abs=0.5) and ring[:, 0].max() == pytest.approx(-60, abs=0.5)
    assert ring[:, 1].min() == pytest.approx(40, abs=0.5) and ring[:, 1].max() == pytest.approx(50, abs=0.5)
    assert not list(outlines(*read_mask(path, 1, (0.0, 20.0, 0.0, 20.0))))


def test_colours_differ_in_lightness_or_hue_for_colour_blind_readers() -> None:
    from matplotlib.colors import to_rgb

    # Machado et al. (2009), deuteranopia.
    blind = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]])
    seen = [blind @ np.array(to_rgb(colour)) for colour in COLOURS]
    pairs = [(one, other) for place, one in enumerate(seen) for other in seen[:place]]
    assert min(float(np.linalg.norm(one - other)) for one, other in pairs) > 0.15
