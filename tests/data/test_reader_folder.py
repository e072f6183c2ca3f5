"""Folders of pictures, in the forms that people keep them in."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fieldmark.cli.main import run
from fieldmark.data.describe import describe
from fieldmark.data.observations import Observations, Split
from fieldmark.data.open import open_dataset
from fieldmark.data.readers import read
from fieldmark.data.readers.folder import pictures_in
from fieldmark.errors import UserError


def pictures(folder: Path, *paths: str) -> None:
    for number, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6 + number % 3, 5), (number, 200, 50)).save(folder / path)


def table(folder: Path, rows: Sequence[str], name: str = "split.csv") -> str:
    (folder / name).write_text("\n".join(rows) + "\n")
    return f"folder:{folder}"


def labels(found: Observations) -> dict[str, str]:
    names = [found.categories[category] for category in found.category_N]
    return dict(zip(found.image_path.to_pylist(), names, strict=True))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "separator"), [("split.csv", ","), ("splits.csv", ","), ("split.tsv", "\t"), ("pictures of 2020.csv", ",")]
)
def test_a_split_file_names_pictures_classes_and_parts(tmp_path: Path, name: str, separator: str) -> None:
    pictures(tmp_path, "x/1.jpg", "x/2.jpg", "3.png")
    (tmp_path / "classes.csv").write_text("label,class\n0,A\n1,B\n")
    rows = ["file,class,split,sha1", "x/1.jpg,A,train,0", "x/2.jpg,B,train,0", "3.png,A,test,0"]
    found = read(table(tmp_path, [row.replace(",", separator) for row in rows], name))
    assert labels(found) == {"x/1.jpg": "A", "x/2.jpg": "B", "3.png": "A"}
    assert found.image_id.to_pylist() == ["x/1.jpg", "x/2.jpg", "3.png"]
    assert found.given_split is not None and found.given_split.tolist() == ["train", "train", "test"]
    assert not found.place_time.has_place_N.any() and not found.report.bad_counts
    assert found.images is not None and found.images.pixels(np.arange(3), 4)[:, 2, 2, 0].tolist() == [0, 1, 2]


def test_a_split_file_may_have_places_and_dates(tmp_path: Path) -> None:
    pictures(tmp_path, "1.jpg", "2.jpg")
    rows = ["file,class,split,lat,lon,date", "1.jpg,A,train,5.5,-6,2020-05-01", "2.jpg,B,test,,,"]
    where = read(table(tmp_path, rows)).place_time
    assert where.has_place_N.tolist() == [True, False]
    assert (where.latitude_N[0], where.longitude_N[0]) == (5.5, -6.0)
    assert where.date_N.astype(str).tolist() == ["2020-05-01", "NaT"]


def test_bad_rows_are_left_out_and_listed(tmp_path: Path) -> None:
    pictures(tmp_path, *(f"{number}.jpg" for number in range(30)))
    good = [f"{number}.jpg,{'AB'[number % 2]},{5 + number},1" for number in range(30)]
    bad = ["3.jpg,A,1,1", "absent.jpg,A,1,1", "../outside.jpg,B,1,1", "5.jpg", ",B,1,1", "7.jpg,,1,1"]
    report = read(table(tmp_path, ["file,class,lat,lon", *good[:20], *bad, *good[20:]])).report
    assert (report.read, report.kept) == (36, 30)
    assert report.bad_counts == {
        "row: 1 fields where the header has 4": 1,
        "class: no label": 1,
        "file: id appears before": 1,
        "file: no such image file": 3,
    }
    absent = next(entry for entry in report.bad if "absent.jpg" in entry.reason)
    assert (absent.file, absent.row, absent.field) == ("split.csv", 23, "file")


def test_train_and_val_folders(tmp_path: Path) -> None:
    files = [
        "Train/A/1.jpg",
        "Train/B/deeper/1.JPEG",
        "Train/B/2.png",
        "valid/A/1.jpg",
        "test/C/1.webp",
        "other/A/1.jpg",
    ]
    pictures(tmp_path, *files)
    found = read(f"folder:{tmp_path}")
    expected = {path: path.split("/")[1] for path in files[:5]}
    assert labels(found) == expected
    assert found.given_split is not None
    assert dict(zip(found.image_path.to_pylist(), found.given_split, strict=True)) == {  # type: ignore[union-attr]
        path: path.split("/")[0] for path in expected
    }
    data = open_dataset(f"folder:{tmp_path}")
    assert data.protocol == "official:0"
    assert [len(data.indices(part)) for part in (Split.TRAIN, Split.TUNE, Split.TEST)] == [3, 1, 1]


def class_folders(folder: Path, sizes: dict[str, int]) -> str:
    pictures(folder, *(f"{name}/{number}.png" for name, size in sizes.items() for number in range(size)))
    return f"folder:{folder}"


def test_a_folder_a_class_is_split_within_each_class(tmp_path: Path) -> None:
    data = open_dataset(class_folders(tmp_path, {"many": 40, "few": 4, "train": 3}))
    assert data.protocol == "per_class:0"
    assert data.observations.categories == ("few", "many", "train")
    assert data.class_counts(Split.TRAIN).tolist() == [2, 28, 1]
    assert data.class_counts(Split.TUNE).tolist() == [1, 4, 1]
    assert data.class_counts(Split.TEST).tolist() == [1, 8, 1]
    assert open_dataset(f"folder:{tmp_path}").split_N.tolist() == data.split_N.tolist()
    assert open_dataset(f"folder:{tmp_path}", protocol="per_class:1").split_N.tolist() != data.split_N.tolist()
    described = describe(data)
    assert described.field_shares == {"place": 0.0, "date": 0.0, "observer": 0.0, "image": 1.0}


def test_a_train_folder_alone_is_split_too(tmp_path: Path) -> None:
    data = open_dataset(class_folders(tmp_path / "train", {"A": 9, "B": 9}).removesuffix("/train"))
    assert data.protocol == "per_class:0" and data.observations.categories == ("A", "B")


def test_what_is_no_picture_is_passed_over(tmp_path: Path) -> None:
    spec = class_folders(tmp_path, {"A": 4, "B": 4})
    pictures(tmp_path, ".hidden/1.jpg", "A/.thumbnail.jpg", "A/.cache/1.jpg", "loose.jpg")
    (tmp_path / "A" / "notes.txt").write_text("x")
    (tmp_path / "A" / "empty.jpg").touch()
    (tmp_path / "nothing").mkdir()
    found = read(spec)
    assert found.categories == ("A", "B") and len(found) == 9
    assert "A/empty.jpg" in labels(found)
    assert found.report.bad_counts == {"class folder: no label": 1}


def test_the_fingerprint_is_of_paths_and_sizes(tmp_path: Path) -> None:
    one, other = class_folders(tmp_path / "one", {"A": 2, "B": 2}), class_folders(tmp_path / "other", {"A": 2, "B": 2})
    first = read(one).fingerprint
    assert read(other).fingerprint == first
    (tmp_path / "other" / "A" / "0.png").rename(tmp_path / "other" / "A" / "5.png")
    assert read(other).fingerprint != first
    with open(tmp_path / "one" / "A" / "0.png", "ab") as stream:
        stream.write(b"0")
    assert read(one).fingerprint != first


def test_pictures_are_found_from_another_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class_folders(tmp_path / "data", {"A": 1, "B": 1})
    monkeypatch.chdir(tmp_path)
    found = read("folder:data/")
    monkeypatch.chdir("/")
    assert found.name == "data"
    assert found.images is not None and found.images.pixels(np.array([0]), 4)[0, 2, 2].tolist() == [0, 200, 50]


@pytest.mark.parametrize(
    ("files", "rows", "says"),
    [
        ([], [], "no pictures in folders of classes; expected a split file"),
        (["1.jpg", "2.jpg"], [], "no pictures in folders of classes"),
        (["A/1.jpg", "A/2.jpg", "A/3.jpg"], [], "1 category; expected at least 2"),
        (["val/A/1.jpg", "test/B/1.jpg"], [], "test, val without a train folder"),
        (["1.jpg"], ["file,kind", "1.jpg,A"], r"split\.csv: no column for label .*found file, kind"),
        (["1.jpg"], ["file,class"], "a header but no records"),
        (["1.jpg"], ["file,class", "2.jpg,A", "3.jpg,B"], "no such image file, found '2.jpg'; 2 of 2"),
    ],
)
def test_folders_that_cannot_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: list[str], rows: list[str], says: str
) -> None:
    pictures(tmp_path, *files)
    if rows:
        table(tmp_path, rows)
    with pytest.raises(UserError, match=says):
        open_dataset(f"folder:{tmp_path}")
    assert run(["data", "describe", f"folder:{tmp_path}"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_other_mistakes(tmp_path: Path) -> None:
    pictures(tmp_path, "1.jpg")
    with pytest.raises(UserError, match="no such folder"):
        read(f"folder:{tmp_path}/absent")
    with pytest.raises(UserError, match="no such folder"):
        read(f"folder:{tmp_path}/1.jpg")
    with pytest.raises(UserError, match="expected a folder of pictures"):
        read("folder:")
    for name in ("a.csv", "b.csv"):
        table(tmp_path, ["file,class", "1.jpg,A"], name)
    with pytest.raises(UserError, match=r"a\.csv, b\.csv have a file and a class column each"):
        read(f"folder:{tmp_path}")


def test_a_prior_needs_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = class_folders(tmp_path / "data", {"A": 9, "B": 9})
    assert run(["sweep", "priorsnet", "--data", spec, "--store", str(tmp_path / "store")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no record has a place, and a location prior is learned from places" in line
    assert not (tmp_path / "store").exists()


def test_real_photographs(shared: Path) -> None:
    folder = shared / "data" / "images" / "grocery81"
    if not folder.is_dir():
        pytest.skip(f"no {folder.name} here")
    described = describe(open_dataset(f"folder:{folder}"))
    assert described.counts == {"train": 2207, "tune": 296, "test": 2091, "unused": 0}
    assert (described.categories, described.read, described.bad) == (81, 4594, ())


def test_each_real_folder_is_visited_once_and_by_its_own_name(tmp_path: Path) -> None:
    top = tmp_path / "pics"
    pictures(tmp_path, "pics/A/1.jpg", "pics/B/2.jpg", "pics/.kept/3.jpg", "elsewhere/4.jpg")
    for name, target in {
        "A/loop": "../../pics",
        "A/z": "../B",
        "C": "../elsewhere",
        "D": "../elsewhere",
        "E": ".kept",
        "up": "..",
        "../elsewhere/back": "../elsewhere",
    }.items():
        (top / name).symlink_to(target)
    assert list(pictures_in(str(top))) == ["A/1.jpg", "B/2.jpg", "C/4.jpg", "E/3.jpg"]
    (tmp_path / "link").symlink_to("pics")
    assert list(pictures_in(str(tmp_path / "link"))) == list(pictures_in(str(top)))


def test_a_link_that_leads_back_is_no_class(tmp_path: Path) -> None:
    pictures(tmp_path, "A/1.jpg", "B/2.jpg")
    (tmp_path / "loop").symlink_to("../" + tmp_path.name)
    (tmp_path / "also").symlink_to("A")
    found = read(f"folder:{tmp_path}")
    assert labels(found) == {"A/1.jpg": "A", "B/2.jpg": "B"} and found.categories == ("A", "B")


def test_a_name_that_is_not_utf_8_is_a_bad_record(tmp_path: Path) -> None:
    pictures(tmp_path, "A/1.jpg", "B/2.jpg")
    (tmp_path / "A" / "1.jpg").rename(os.fsdecode(os.fsencode(tmp_path) + b"/A/lat\xe9n.jpg"))
    pictures(tmp_path, "A/3.jpg")
    found = read(f"folder:{tmp_path}")
    assert labels(found) == {"A/3.jpg": "A", "B/2.jpg": "B"}
    (bad,) = found.report.bad
    assert r"lat\\xe9n.jpg" in bad.reason
