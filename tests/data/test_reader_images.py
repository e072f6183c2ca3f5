"""Records with pictures, place and date: the table form and iNaturalist's layouts, as tiny trees."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fieldmark.data.observations import Observations, Split
from fieldmark.data.open import open_dataset
from fieldmark.data.readers import read, read_superset

NAMES = {0: "Ant", 1: "Bee", 2: "Moth"}


def draw(folder: Path, path: str, number: int) -> None:
    """Saves a picture of one colour, whose red is the number."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 9), (number, 100, 200)).save(folder / path, format="PNG")


def assert_has_pictures(found: Observations, numbers: list[int]) -> None:
    """Asserts that each record's own picture is shown, and that place and date belong to it."""
    assert found.images is not None and found.image_path is not None
    assert found.images.pixels(np.arange(len(found)), 8)[:, 4, 4, 0].tolist() == numbers
    where = found.place_time
    placed = [number for number in numbers if number % 4]
    assert where.latitude_N[where.has_place_N].tolist() == placed
    assert where.longitude_N[where.has_place_N].tolist() == [-number for number in placed]
    assert where.date_N.astype(str).tolist() == [f"2019-05-{1 + number % 28:02d}" for number in numbers]
    assert found.category_N.tolist() == [number % 3 for number in numbers]
    assert not found.report.bad_counts


def test_a_table_with_an_image_folder(tmp_path: Path) -> None:
    lines = ["id,species,lat,lon,date,image,split"]
    for number in range(10, 22):
        draw(tmp_path, f"photos/{number}.png", number)
        place = f"{number},{-number}" if number % 4 else ","
        day = f"2019-05-{1 + number % 28:02d}"
        split = "test" if number > 18 else "train"
        lines.append(f"r{number},{NAMES[number % 3]},{place},{day},{number}.png,{split}")
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    found = read(f"table:{tmp_path / 't.csv'}:{tmp_path / 'photos'}")
    assert_has_pictures(found, list(range(10, 22)))
    assert read(f"table:{tmp_path / 't.csv'}").images is None


def entries(folder: Path, numbers: range, path: str, *, located: bool) -> dict[str, Any]:
    """Returns annotation JSON, and draws its pictures; `path` is filled in with the number and its class."""
    images = []
    for number in numbers:
        file = path.format(number=number, label=number % 3)
        draw(folder, file, number)
        place = {"latitude": number, "longitude": -number} if number % 4 else {"latitude": None, "longitude": None}
        date = {"date": f"2019-05-{1 + number % 28:02d} 10:00:00+00:00"}
        images.append({"id": number, "file_name": file} | (place | date if located else {}))
    labels = [{"id": number, "image_id": number, "category_id": number % 3} for number in numbers]
    return {"images": images, "annotations": labels, "categories": [{"id": k, "name": v} for k, v in NAMES.items()]}


def locations(numbers: range) -> list[dict[str, Any]]:
    places = [(number, -number) if number % 4 else (None, None) for number in numbers]
    return [
        {"id": number, "lat": lat, "lon": lon, "date": f"2019-05-{1 + number % 28:02d} 11:00:00+00:00", "user_id": 1}
        for number, (lat, lon) in zip(numbers, places, strict=True)
    ][::-1]


@pytest.mark.parametrize(
    ("year", "path"),
    [
        (2017, "train_val_images/Insecta/Species {label}/{number}.jpg"),
        (2018, "train_val2018/Insecta/{label}/{number}.jpg"),
    ],
)
def test_inat2017_and_2018(tmp_path: Path, year: int, path: str) -> None:
    for part, numbers in {"train": range(10, 16), "val": range(20, 23)}.items():
        content = entries(tmp_path, numbers, path, located=False)
        (tmp_path / f"{part}{year}.json").write_text(json.dumps(content))
        (tmp_path / f"{part}{year}_locations.json").write_text(json.dumps(locations(numbers)))
    found = read(f"inat{year}:{tmp_path}")
    assert_has_pictures(found, [*range(10, 16), *range(20, 23)])
    assert found.categories == tuple(NAMES.values())


def inat2021(folder: Path) -> None:
    parts = {"train_mini": range(10, 16), "train": range(10, 30), "val": range(30, 36)}
    for part, numbers in parts.items():
        content = entries(folder, numbers, part + "/0000{label}_Insecta/{number}.jpg", located=True)
        (folder / f"{part}.json").write_text(json.dumps(content))


def test_inat2021_and_its_mini_set(tmp_path: Path) -> None:
    inat2021(tmp_path)
    assert_has_pictures(read(f"inat2021:{tmp_path}"), [*range(10, 30), *range(30, 36)])
    assert_has_pictures(read(f"inat2021mini:{tmp_path}"), [*range(10, 16), *range(30, 36)])
    full = read_superset(f"inat2021mini:{tmp_path}")
    assert full is not None
    assert_has_pictures(full, list(range(10, 30)))
    data = open_dataset(f"inat2021mini:{tmp_path}")
    assert len(data.indices(Split.TEST)) == 6


def test_one_missing_picture_is_a_bad_record_even_if_it_is_the_first(tmp_path: Path) -> None:
    inat2021(tmp_path)
    (tmp_path / "train" / "00001_Insecta" / "10.jpg").unlink()
    found = read(f"inat2021:{tmp_path}")
    assert found.images is not None and len(found) == 25
    assert found.report.bad_counts == {"image: no such image file": 1}


def test_annotations_without_pictures_are_records_without(tmp_path: Path) -> None:
    content = entries(tmp_path / "elsewhere", range(10, 16), "train/{label}/{number}.jpg", located=True)
    (tmp_path / "train.json").write_text(json.dumps(content))
    assert read(f"inat2021:{tmp_path}").images is None
