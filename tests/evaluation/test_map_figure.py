"""Figure S3 is written with its numbers, for worlds and for real pictures."""

import json

import pytest

from fieldmark.data.open import open_dataset
from fieldmark.errors import UserError
from fieldmark.evaluation.localisation import pointing_game
from fieldmark.evaluation.map_figure import write_map_figure
from fieldmark.evaluation.paper_figures import write_paper_figure
from fieldmark.store import Store
from fieldmark.tables.claims import claims_table
from fieldmark.tables.reproduction import ReproductionPlan
from fieldmark.testing.trained_run import record_trained_run

MARKED = "world:species=6,group_size=3,per_category=4,val_per_category=2,test_per_category=5,full=2,mark_resolution=24"


@pytest.fixture(scope="module")
def store():
    return Store.open("memory://")


def test_on_the_world_the_pointing_game_stands_beside(store, tmp_path):
    runs = {
        "image-only": record_trained_run(store, MARKED, fusion="image_only", backbone="resnet_smoke"),
        "Dynamic MLP, at 28 pixels": record_trained_run(store, MARKED, backbone="pvt_smoke", resolution=28),
    }
    png, svg, numbers = write_map_figure(store, runs, tmp_path / "new", pictures=2)
    assert png.read_bytes().startswith(b"\x89PNG") and "<svg" in svg.read_text()
    found = json.loads(numbers.read_text())
    assert [row["label"] for row in found["pointing_game"]] == list(runs)
    cam, grad_cam = pointing_game(store, runs["image-only"], open_dataset(MARKED))
    first, second = found["pointing_game"]
    assert (first["cam_hits"], first["grad_cam_hits"], first["n"]) == (cam.hits, grad_cam.hits, cam.n)
    assert first["chance"] == pytest.approx(cam.chance)
    assert second["cam_hits"] is not None and second["grad_cam_hits"] is None, "PVT reads its class token alone"
    categories = [picture["category"] for picture in found["pictures"]]
    assert sorted(categories) == ["g000b", "g000c"], "those with marks that can be seen at 28 pixels"


def test_drawing_the_papers_figure_settles_the_claim_about_the_maps(store, tmp_path):
    runs = {
        "image-only": record_trained_run(store, MARKED, fusion="image_only", backbone="resnet_smoke"),
        "Dynamic MLP": record_trained_run(store, MARKED, backbone="resnet_smoke"),
    }
    plan = ReproductionPlan(scale="smoke", data={}, cells=(), figures={"figS3": runs})

    def verdict():
        return next(row.measured for row in claims_table(store, plan, "figS3").rows if row.claim.id == "figs3-cam")

    assert verdict().status == "not measured"
    files = write_paper_figure("S3", store, tmp_path, plan=plan)
    rows = json.loads(files[-1].read_text())["pointing_game"]
    found = verdict()
    assert found.status in ("holds", "undecided", "does not follow")
    assert all(f"{row['label']} {100 * row['cam_hits'] / row['n']:.1f} %" in found.reason for row in rows)


def _right(store, run_id):
    predictions = next(
        store.predictions(one.evaluation_id) for one in store.evaluation_records() if one.run_ids == (run_id,)
        and one.split == "test"
    )  # fmt: skip
    return {row["image_id"] for row in predictions.to_pylist() if row["hit1"] == 1}


def test_pictures_without_marks_are_those_that_all_name_rightly_first(store, tmp_path, folder):
    data = f"folder:{folder}"
    runs = {f"seed {seed}": record_trained_run(store, data, seed=seed, sharpness=100.0) for seed in (0, 1)}
    found = json.loads(write_map_figure(store, runs, tmp_path, pictures=3, stem="maps")[2].read_text())
    both = set.intersection(*(_right(store, run_id) for run_id in runs.values()))
    shown = [picture["image_id"] for picture in found["pictures"]]
    fallen_back = sum(name not in both for name in shown)
    assert len({picture["category"] for picture in found["pictures"]}) == len(shown) > 0
    assert (f"{fallen_back} of the {len(shown)} are not" in found["rule"]) == (fallen_back > 0)
    assert {row["n"] for row in found["pointing_game"]} == {None} and "mark" not in found["rule"]
    assert (tmp_path / "maps.png").exists()


def test_mistakes_are_one_line(store, tmp_path):
    one = record_trained_run(store, MARKED, seed=5)
    other = record_trained_run(store, MARKED + ",seed=9")
    with pytest.raises(UserError, match="no run is named"):
        write_map_figure(store, {}, tmp_path)
    with pytest.raises(UserError, match="different data sets"):
        write_map_figure(store, {"a": one, "b": other}, tmp_path)
    assert list(tmp_path.iterdir()) == []
