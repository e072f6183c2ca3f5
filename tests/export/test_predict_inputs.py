"""What a folder or a table says before a model is asked: order, missing and impossible values."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.errors import UserError
from fieldmark.export.decoding import Decoder
from fieldmark.export.inputs import read_inputs


def table(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_a_folder_gives_its_pictures_by_name_and_no_place(tmp_path):
    for name in ("b.JPG", "a/z.png", "a/y.webp", "notes.txt", ".hidden.png", ".cache/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    inputs = read_inputs(tmp_path)
    assert sorted(inputs.images) == ["a/y.webp", "a/z.png", "b.JPG"]
    assert all(path.endswith(name) for name, path in zip(inputs.images, inputs.paths, strict=True))
    assert not inputs.place_time.has_place_N.any() and not inputs.place_time.has_date_N.any()
    assert inputs.problems == {}


def test_links_that_lead_back_are_passed_over(tmp_path):
    (tmp_path / "pics" / "a").mkdir(parents=True)
    (tmp_path / "pics" / "a" / "x.png").write_bytes(b"")
    (tmp_path / "pics" / "loop").symlink_to("../pics")
    assert read_inputs(tmp_path / "pics").images == ["a/x.png"]


def test_no_file_can_have_some_names(tmp_path):
    pq.write_table(pa.table({"image": ["a\0.jpg"]}), tmp_path / "t.parquet")
    decoder = Decoder(read_inputs(tmp_path / "t.parquet"), resolution=32, side=None, center_share=1.0)
    assert decoder.one(0) == "no such image file"


def test_a_tables_columns_go_by_their_usual_names(tmp_path):
    path = table(tmp_path, "file_name\tdecimalLatitude\tlng\teventDate\na.jpg\t1.5\t-2\t2020-05-31T10:00\n", "t.tsv")
    inputs = read_inputs(path, tmp_path)
    assert (inputs.images, inputs.paths) == (["a.jpg"], [str(tmp_path / "a.jpg")])
    where = inputs.place_time
    assert (where.latitude_N[0], where.longitude_N[0], str(where.date_N[0])) == (1.5, -2.0, "2020-05-31")


def test_parquet_and_paths_that_start_elsewhere(tmp_path):
    pq.write_table(pa.table({"image": ["x/a.jpg"], "lat": [1.0], "lon": [None]}), tmp_path / "t.parquet")
    (tmp_path / "root").mkdir()
    inputs = read_inputs(tmp_path / "t.parquet", tmp_path / "root")
    assert inputs.paths == [str(tmp_path / "root" / "x/a.jpg")]
    assert not inputs.place_time.has_place_N[0] and inputs.problems == {}, "half a place is no place, and no fault"


def test_missing_is_no_problem_impossible_is_named_and_left_out(tmp_path):
    rows = [
        "a.jpg,,,",
        "a.jpg,95,10,2020-01-01",
        "a.jpg,5,181,2020-01-01",
        "a.jpg,abc,10,not a day",
        "a.jpg,5,10,2999-01-01",
        "a.jpg,5,inf,2020-01-01",
        ",5,10,2020-01-01",
        "a.jpg,5,10,2020-01-01",
    ]
    inputs = read_inputs(table(tmp_path, "image,lat,lon,date\n" + "\n".join(rows) + "\n"))
    assert inputs.place_time.has_place_N.tolist() == [False, False, False, False, True, False, True, True]
    assert inputs.place_time.has_date_N.tolist() == [False, True, True, False, False, True, True, True]
    assert sorted(inputs.problems) == [1, 2, 3, 4, 5, 6]
    assert "lat: outside -90..90" in inputs.problems[1] and "'95'" in inputs.problems[1]
    assert inputs.problems[3].endswith("named without place and date")
    assert inputs.problems[4].endswith("named without date")
    assert inputs.problems[3].count("without") == 1, "a date that cannot be read is said to be lost once"
    assert inputs.paths[6] is None and "no image" in inputs.problems[6]


@given(st.lists(st.sampled_from(["whole", "torn", "bad"]), min_size=1, max_size=12))
def test_rows_stay_in_order_whatever_is_wrong_with_them(tmp_path_factory, kinds):
    lines = {"whole": "{}.jpg,1,2,", "torn": "{}.jpg,1", "bad": "{}.jpg,99,2,"}
    text = "\n".join(lines[kind].format(row) for row, kind in enumerate(kinds))
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text("image,lat,lon,date\n" + text + "\n")
    inputs = read_inputs(path)
    assert inputs.images == ["" if kind == "torn" else f"{row}.jpg" for row, kind in enumerate(kinds)]
    assert sorted(inputs.problems) == [row for row, kind in enumerate(kinds) if kind != "whole"]
    assert [path is None for path in inputs.paths] == [kind == "torn" for kind in kinds]
    assert inputs.place_time.has_place_N.tolist() == [kind == "whole" for kind in kinds]
    for row, kind in enumerate(kinds):
        if kind == "torn":
            assert inputs.problems[row].startswith(f"row {row + 2}: ")
    first = inputs.first(3)
    assert list(first.images) == inputs.images[:3] and len(first.place_time) == min(3, len(kinds))
    assert np.array_equal(first.place_time.latitude_N, inputs.place_time.latitude_N[:3], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "told"), [("lat,lon\n1,2\n", "no column for image"), ("image,lat\n", "no rows"), ("", "empty")]
)
def test_a_table_that_cannot_be_asked_about(tmp_path, text, told):
    with pytest.raises(UserError, match=told):
        read_inputs(table(tmp_path, text))


def test_places_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_inputs(tmp_path / "nothing")
    with pytest.raises(UserError, match="no picture"):
        read_inputs(tmp_path)
    with pytest.raises(UserError, match="--image-root"):
        read_inputs(table(tmp_path, "image\na.jpg\n"), tmp_path / "nothing")
