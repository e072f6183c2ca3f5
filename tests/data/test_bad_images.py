"""Bad pictures and bad records in one folder: the good ones are used, the others are listed, too many stop the run."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.images.prepare import prepare_images
from fieldmark.data.images.report import ImageReport, image_report
from fieldmark.data.images.sources import DrawnPictures
from fieldmark.data.observations import Split
from fieldmark.data.open import open_dataset
from fieldmark.data.select import take
from fieldmark.errors import UserError
from fieldmark.testing.bad_images import BAD_FILES, BAD_ROWS, DUPLICATE, GOOD_FILES, write_bad_images

SIZES = {"resolution": 28, "side": 32}


def silent(line: str) -> None:
    del line


def prepare(spec: str, cache: Path, *, pack: bool = True) -> tuple[ImageExperiment, ImageReport]:
    return prepare_images(open_dataset(spec), **SIZES, cache=cache, pack=pack, processes=2, say=silent)


@pytest.mark.parametrize("pack", [True, False])
def test_good_ones_are_used_and_each_bad_one_is_listed_with_its_reason(tmp_path: Path, pack: bool) -> None:
    experiment, report = prepare(write_bad_images(tmp_path, good=60), tmp_path / "cache", pack=pack)
    lines = "\n".join(report.lines())
    for name, (_, reason) in BAD_FILES.items():
        assert f"{tmp_path / 'images' / name}: {reason}" in lines
    for reason in (*BAD_ROWS.values(), DUPLICATE):
        assert reason in lines
    assert report.bad_counts == {
        "empty file": 1,
        "truncated": 1,
        "not an image": 1,
        "too large": 1,
        "unreadable": 1,
    }
    assert {bad.field for bad in report.bad} == {"image"}
    good = 60 + len(GOOD_FILES) + 1  # the one with half a place, too
    assert sum(map(len, experiment.parts.values())) == good
    assert report.images == good + len(BAD_FILES)
    assert sum(np.isnan(part.place_time.latitude_N).sum() for part in experiment.parts.values()) == 1


def test_pictures_stay_with_their_records(tmp_path: Path) -> None:
    experiment, _ = prepare(write_bad_images(tmp_path, good=60), tmp_path / "cache")
    names = [line.split(",") for line in (tmp_path / "t.csv").read_text().split()[1:]]
    file_of = {fields[0]: fields[-1] for fields in reversed(names)}  # the first record of an id is kept
    sizes = {f"good{number}.jpg": (32, int(32 * (60 + number) / 50)) for number in range(60)}
    sizes |= {"turned.jpg": (64, 32), "panorama.jpg": (32, 96), "tiny.png": (1, 2), "deep.png": (32, 32)}
    seen = 0
    for split, part in experiment.parts.items():
        images = experiment.images[split]
        assert len(images) == len(part)
        for position, image_id in enumerate(part.image_id):
            if file_of[image_id] in sizes:
                assert tuple(images.image(position).shape[1:]) == sizes[file_of[image_id]]
                seen += 1
    assert seen >= 64
    assert not experiment.exact


@pytest.mark.parametrize("pack", [True, False])
def test_asked_again_nothing_is_decoded(tmp_path: Path, pack: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = write_bad_images(tmp_path, good=60)
    _, first = prepare(spec, tmp_path / "cache", pack=pack)
    monkeypatch.setattr("fieldmark.data.images.sources.decode", pytest.fail)
    _, second = prepare(spec, tmp_path / "cache", pack=pack)
    assert second == first


def test_a_long_list_is_cut_and_all_are_counted(tmp_path: Path) -> None:
    observations = open_dataset(write_bad_images(tmp_path, good=60)).observations
    report = image_report(observations, DrawnPictures(observations.images, 5000, 8), dict.fromkeys(range(1200), "odd"))
    assert report.bad_counts == {"odd": 1200}
    assert sum(line.endswith(": odd") for line in report.lines()) == len(report.bad) == 1000
    assert "1,200 of 5,000 pictures left out: 1,200 odd" in report.lines()
    assert report.lines()[-1] == "  and 200 more"


def test_too_many_stop_before_anything_is_trained(tmp_path: Path) -> None:
    spec = write_bad_images(tmp_path, good=4, rows=0)  # 5 of 18 are bad
    with pytest.raises(
        UserError, match=r"empty\.jpg, image: empty file; 5 of 18 pictures .* more than the 20%"
    ) as told:
        prepare(spec, tmp_path / "cache")
    assert "\n" not in str(told.value)


def test_bad_records_and_bad_pictures_count_together(tmp_path: Path) -> None:
    spec = write_bad_images(tmp_path, good=20)  # 10 of 39: a fifth of neither kind
    with pytest.raises(UserError, match=r"5 of 34 pictures cannot be used beside 5 records .* more than the 20%"):
        prepare(spec, tmp_path / "cache")
    prepare_images(open_dataset(spec), **SIZES, cache=tmp_path / "cache", max_bad_share=0.3, say=silent)


def test_a_part_without_a_picture_is_refused(tmp_path: Path) -> None:
    spec = write_bad_images(tmp_path, good=60)
    dataset = open_dataset(spec)
    names = np.array(dataset.observations.image_path.to_pylist())
    for name in names[dataset.indices(Split.TUNE)]:
        (tmp_path / "images" / name).write_bytes(b"")
    with pytest.raises(UserError, match="no picture of the tune part can be used"):
        prepare_images(dataset, **SIZES, cache=tmp_path / "cache", max_bad_share=0.9, say=silent)


def test_another_size_or_selection_is_another_pack(tmp_path: Path) -> None:
    dataset = open_dataset(write_bad_images(tmp_path, good=60))
    fewer = np.arange(60)
    selected = replace(dataset, observations=take(dataset.observations, fewer), split_N=dataset.split_N[fewer])
    for chosen, side in ((dataset, 32), (dataset, 16), (selected, 32), (dataset, 32)):
        prepare_images(chosen, resolution=28, side=side, cache=tmp_path / "cache", say=silent)
    assert sorted(path.name[:4] for path in (tmp_path / "cache").iterdir()) == ["16px", "32px", "32px"]
    images = prepare_images(selected, resolution=28, side=32, cache=tmp_path / "cache", say=pytest.fail)[0].images
    assert sum(map(len, images.values())) == 60


def test_the_worlds_pictures_keep_the_training_resolution(tmp_path: Path) -> None:
    dataset = open_dataset("world:species=8,per_category=5")
    experiment, report = prepare_images(dataset, resolution=16, cache=tmp_path, say=silent)
    drawn, _ = prepare_images(dataset, resolution=16, cache=tmp_path / "none", pack=False, say=silent)
    assert experiment.exact and drawn.exact
    assert report.lines() == []
    assert not (tmp_path / "none").exists()
    indices = dataset.indices(Split.TEST)[:5]
    wanted = dataset.observations.images.pixels(indices, 16)
    for images in (experiment.images[Split.TEST], pickle.loads(pickle.dumps(drawn.images[Split.TEST]))):
        for position in range(5):
            np.testing.assert_array_equal(images.image(position).permute(1, 2, 0).numpy(), wanted[position])


def test_a_data_set_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("species,lat,lon\n" + "".join(f"{'AB'[row % 2]},{row},1\n" for row in range(20)))
    with pytest.raises(UserError, match="needs pictures"):
        prepare(f"table:{tmp_path / 't.csv'}", tmp_path / "cache")
