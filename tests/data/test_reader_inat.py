"""iNaturalist's competition files, by the names and keys of SPEC section 8."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldmark.data.observations import Split
from fieldmark.data.open import open_dataset
from fieldmark.data.readers import read, read_superset
from fieldmark.errors import UserError

CATEGORIES = [{"id": 2, "name": "Zebra"}, {"id": 0, "name": "Ant"}, {"id": 7, "name": "Moth"}]


def annotated(images: list[dict[str, Any]], labels: list[int], **more: Any) -> dict[str, Any]:
    entries = [
        {"id": 90 + position, "image_id": image["id"], "category_id": label}
        for position, (image, label) in enumerate(zip(images, labels, strict=True))
    ]
    return {"images": images, "annotations": entries[::-1], **more}


def dump(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def image(number: int, folder: str = "train_val2018") -> dict[str, Any]:
    return {"id": number, "file_name": f"{folder}/Animalia/{number}.jpg", "width": 4, "height": 4}


def inat2018(folder: Path, locations_in: str = "") -> str:
    """Three training and two validation photos; the second has no place, the fifth no location entry."""
    dump(folder / "train2018.json", annotated([image(1), image(2), image(3)], [0, 7, 2]))
    dump(folder / "val2018.json", annotated([image(4), image(5)], [2, 7]))
    dump(folder / "categories2018.json", CATEGORIES)
    where = folder / locations_in
    train = [
        {"id": 3, "lat": 1.5, "lon": -2.5, "date": "2017-05-06 11:00:00+00:00", "date_c": 0.1, "user_id": 44},
        {"id": 2, "lat": None, "lon": None, "date": None, "date_c": None, "user_id": None},
        {"id": 1, "lat": 5, "lon": 6, "date": "2017-01-02", "date_c": 0.1, "user_id": 9},
    ]
    dump(where / "train2018_locations.json", train)
    dump(where / "val2018_locations.json", [{"id": 4, "lat": float("nan"), "lon": 7.5, "date": "", "user_id": 44}])
    return f"inat2018:{folder}"


@pytest.mark.parametrize("locations_in", ["", "inat2018_locations"])
def test_inat2018_merges_places_by_id(tmp_path: Path, locations_in: str) -> None:
    observations = read(inat2018(tmp_path, locations_in))
    assert observations.name == "inat2018"
    assert observations.categories == ("Ant", "Zebra", "Moth")
    assert observations.category_N.tolist() == [0, 2, 1, 1, 2]
    where = observations.place_time
    assert where.has_place_N.tolist() == [True, False, True, False, False]
    assert where.latitude_N[[0, 2]].tolist() == [5.0, 1.5]
    assert where.date_N.astype(str).tolist() == ["2017-01-02", "NaT", "2017-05-06", "NaT", "NaT"]
    assert where.observer_N.tolist() == [1, -1, 0, 0, -1]
    assert observations.given_split is not None
    assert observations.given_split.tolist() == ["train"] * 3 + ["val"] * 2
    assert observations.images is None
    assert not observations.report.bad_counts


def test_inat2018_without_places_or_names(tmp_path: Path) -> None:
    dump(tmp_path / "train2018.json", annotated([image(1), image(2)], [11, 5]))
    observations = read(f"inat2018:{tmp_path}")
    assert observations.categories == ("5", "11")
    assert observations.category_N.tolist() == [1, 0]
    with pytest.raises(UserError, match="no record has a place"):
        open_dataset(f"inat2018:{tmp_path}")


def test_a_location_changes_the_fingerprint(tmp_path: Path) -> None:
    spec = inat2018(tmp_path)
    before = read(spec).fingerprint
    path = tmp_path / "train2018_locations.json"
    path.write_text(path.read_text().replace("-2.5", "-2.75"))
    assert read(spec).fingerprint != before


def test_bad_entries_are_left_out(tmp_path: Path) -> None:
    images = [image(1), image(2), image(2), image(3), image(4), {"file_name": None}]
    content = annotated(images[:3], [0, 2, 2]) | {"images": images}
    content["annotations"] += [{"image_id": 3, "category_id": 99}, {"image_id": 4, "category_id": "x"}]
    dump(tmp_path / "train2017.json", content)
    dump(tmp_path / "categories2017.json", CATEGORIES)
    report = read(f"inat2017:{tmp_path}").report
    assert report.bad_counts == {
        "category_id: no label": 2,
        "category_id: not in the list of categories": 1,
        "id: id appears before": 1,
    }
    assert (report.read, report.kept) == (6, 2)
    assert [(bad.row, bad.file) for bad in report.bad] == [(row, "train2017.json") for row in (2, 3, 4, 5)]


def test_an_empty_list_of_categories_leaves_no_record(tmp_path: Path) -> None:
    dump(tmp_path / "train.json", annotated([image(1), image(2)], [0, 2], categories=[]))
    with pytest.raises(UserError, match=r"train\.json, row 0, category_id: not in the list of categories, found 0"):
        open_dataset(f"inat2021:{tmp_path}")


def inat2021(folder: Path) -> str:
    def photos(part: str, numbers: range, first_id: int) -> dict[str, Any]:
        images = [
            {
                "id": first_id + position,
                "file_name": f"{part}/{number % 3:05d}_x/{part if part == 'val' else 'photo'}{number}.jpg",
                "date": "2019-05-06 10:11:12+00:00",
                "latitude": None if number == 5 else number / 2,
                "longitude": None if number == 5 else -number / 2,
            }
            for position, number in enumerate(numbers)
        ]
        return annotated(images, [CATEGORIES[number % 3]["id"] for number in numbers], categories=CATEGORIES)

    # The mini file numbers its photos anew: only their names tell that they are in the full file.
    dump(folder / "train.json", photos("train", range(90), 0))
    dump(folder / "train_mini.json", photos("train_mini", range(0, 90, 2), 7))
    dump(folder / "val.json", photos("val", range(30), 7))
    return f"inat2021mini:{folder}"


def test_inat2021_mini_and_its_superset(tmp_path: Path) -> None:
    spec = inat2021(tmp_path)
    data = open_dataset(spec)
    assert data.protocol == "official:0"
    assert [len(data.indices(part)) for part in (Split.TRAIN, Split.TUNE, Split.TEST)] == [41, 4, 30]
    assert (data.observations.place_time.observer_N == -1).all()
    whole = read_superset(spec)
    assert whole is not None
    assert len(whole) == 90
    assert data.superset is not None
    assert data.superset.categories == data.observations.categories
    tuned_on = set(data.observations.image_id.take(data.indices(Split.TUNE)).to_pylist())
    assert len(data.superset) == 90 - len(tuned_on)
    assert not tuned_on & set(data.superset.image_id.to_pylist())
    trained_on = set(data.observations.image_id.take(data.indices(Split.TRAIN)).to_pylist())
    assert trained_on < set(data.superset.image_id.to_pylist())


def test_inat2021_full_has_no_superset(tmp_path: Path) -> None:
    spec = inat2021(tmp_path).replace("mini", "")
    assert len(open_dataset(spec).observations) == 120
    assert read_superset(spec) is None
    (tmp_path / "train.json").unlink()
    assert read_superset(f"inat2021mini:{tmp_path}") is None


def test_pictures_are_used_where_they_are(tmp_path: Path) -> None:
    spec = inat2021(tmp_path)
    for name in json.loads((tmp_path / "train_mini.json").read_text())["images"][:40]:
        path = tmp_path / name["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    observations = read(spec)
    assert observations.images is not None
    assert len(observations) == 40
    assert observations.report.bad_counts == {"image: no such image file": 35}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not JSON"),
        ("{" * 100_000, "not JSON"),
        ("[]", "images: expected a list of objects, found NoneType"),
        ('{"images": [{"id": []}], "annotations": []}', "categories: expected a list"),
        ('{"images": [{"id": []}], "annotations": [], "categories": []}', "id holds lists"),
        ('{"images": [1]}', "images: entry 0 is no object but int"),
        ('{"images": [], "annotations": {}}', "annotations: expected a list of objects, found dict"),
        ('{"images": [], "annotations": [], "categories": [{"id": "x"}]}', "no whole number as its id"),
    ],
)
def test_damaged_annotations_are_one_clear_line(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "train.json").write_text(content)
    with pytest.raises(UserError, match=says):
        read(f"inat2021:{tmp_path}")


def test_absent_folders_and_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected the folder"):
        read(f"inat2021:{tmp_path / 'absent'}")
    with pytest.raises(UserError, match=r"train2018\.json: no such file"):
        read(f"inat2018:{tmp_path}")
    with pytest.raises(UserError, match=r"train_mini\.json: no such file"):
        read(f"inat2021mini:{tmp_path}")


def test_records_without_any_annotation_do_not_crash(tmp_path: Path) -> None:
    dump(tmp_path / "train.json", annotated([], [], categories=CATEGORIES))
    observations = read(f"inat2021:{tmp_path}")
    assert len(observations) == 0
    assert np.isnan(observations.place_time.latitude_N).sum() == 0
    with pytest.raises(UserError, match="inat2021: no records"):
        open_dataset(f"inat2021:{tmp_path}")
