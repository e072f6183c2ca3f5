"""Tables of records in every form that people keep them in."""

import gzip
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fieldmark.data.readers import read
from fieldmark.errors import UserError

ROWS = [
    ("a", "Vanessa cardui", "37.9", "-121.9", "2009-03-29", "ann", "train"),
    ("b", "Danaus plexippus", "", "", "", "", "val"),
    ("c", "Vanessa cardui", "-35.25", "-106.4", "2010-01-02T10:11:12Z", "bob", "test"),
]
HEADER = ("observation_id", "species", "lat", "lon", "date", "observer", "split")


def text(header: tuple[str, ...] = HEADER, delimiter: str = ",") -> str:
    return "\n".join(delimiter.join(row) for row in [header, *ROWS]) + "\n"


def write(path: Path, content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return f"table:{path}"


def assert_is_the_table(spec: str) -> None:
    observations = read(spec)
    assert observations.image_id.to_pylist() == ["a", "b", "c"]
    assert observations.categories == ("Danaus plexippus", "Vanessa cardui")
    assert observations.category_N.tolist() == [1, 0, 1]
    where = observations.place_time
    assert where.has_place_N.tolist() == [True, False, True]
    assert where.latitude_N[[0, 2]].tolist() == [37.9, -35.25]
    assert where.longitude_N[[0, 2]].tolist() == [-121.9, -106.4]
    assert where.date_N.astype(str).tolist() == ["2009-03-29", "NaT", "2010-01-02"]
    assert where.observer_N.tolist() == [0, -1, 1]
    assert observations.given_split is not None
    assert observations.given_split.tolist() == ["train", "val", "test"]
    assert observations.images is None
    assert not observations.report.bad_counts
    assert (observations.report.read, observations.report.kept) == (3, 3)


@pytest.mark.parametrize(
    ("name", "delimiter"), [("t.csv", ","), ("t.csv.gz", ","), ("t.tsv", "\t"), ("t.tsv.gz", "\t"), ("t.txt", ";")]
)
def test_delimited_text_plain_or_gz(tmp_path: Path, name: str, delimiter: str) -> None:
    assert_is_the_table(write(tmp_path / name, text(delimiter=delimiter)))


def test_occurrences_is_the_same_reader(tmp_path: Path) -> None:
    spec = write(tmp_path / "t.csv", text())
    assert read(spec).fingerprint == read(spec.replace("table:", "occurrences:")).fingerprint


@pytest.mark.parametrize(
    "header",
    [
        ("gbifID", "scientificName", "decimalLatitude", "decimalLongitude", "eventDate", "recordedBy", "split"),
        ("ID", "LABEL", "Latitude", "LNG", "Observed_On", "user_id", "Split"),
        ("occurrence_id", "Scientific Name", "decimal_latitude", "longitude", "Event Date", "recorded_by", "SPLIT"),
    ],
)
def test_columns_go_by_any_of_their_names(tmp_path: Path, header: tuple[str, ...]) -> None:
    assert_is_the_table(write(tmp_path / "t.csv", text(header)))


def test_byte_order_mark_windows_line_ends_and_blank_lines(tmp_path: Path) -> None:
    content = "\ufeff" + text().replace("\n", "\r\n") + "\r\n\r\n"
    assert_is_the_table(write(tmp_path / "t.csv", content))


def test_quoted_fields_may_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    content = 'id,notes,species,lat,lon\n1,"big, blue\nand ""shy""",A,1,2\n2,,"B, b",3,4\n'
    observations = read(write(tmp_path / "t.csv", content))
    assert observations.categories == ("A", "B, b")
    assert observations.place_time.latitude_N.tolist() == [1.0, 3.0]


@pytest.mark.parametrize("name", ["t.parquet", "t.parquet.gz"])
def test_parquet(tmp_path: Path, name: str) -> None:
    columns = {key: [row[position] or None for row in ROWS] for position, key in enumerate(HEADER)}
    table = pa.table(columns)
    plain = tmp_path / "plain.parquet"
    pq.write_table(table, plain)
    assert_is_the_table(write(tmp_path / name, plain.read_bytes()))


def test_parquet_with_numbers_and_dates_of_their_own_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": [1, 2, 3],
            "species": pa.array(["B", "A", "B"]).dictionary_encode(),
            "lat": pa.array([1.5, float("nan"), 2.5], pa.float32()),
            "lon": pa.array([3, None, 4], pa.int32()),
            "date": [date(2020, 2, 29), None, date(2021, 1, 1)],
            "observer": pa.array([11652.0, None, 7.0]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    observations = read(f"table:{tmp_path / 't.parquet'}")
    assert observations.image_id.to_pylist() == ["1", "2", "3"]
    assert observations.place_time.has_place_N.tolist() == [True, False, True]
    assert observations.place_time.date_N.astype(str).tolist() == ["2020-02-29", "NaT", "2021-01-01"]
    assert observations.place_time.observer_N.tolist() == [0, -1, 1]


def test_records_without_ids_are_named_by_their_row(tmp_path: Path) -> None:
    observations = read(write(tmp_path / "t.csv", "species,lat,lon\nA,1,2\nB,3,4\n"))
    assert observations.image_id.to_pylist() == ["row2", "row3"]


def test_pictures_are_found_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "pictures" / "x").mkdir(parents=True)
    (tmp_path / "pictures" / "x" / "1.jpg").write_bytes(b"one")
    spec = write(tmp_path / "t.csv", "species,lat,lon,image\nA,1,2,x/1.jpg\nB,3,4,x/2.jpg\n")
    with_pictures = read(f"{spec}:{tmp_path / 'pictures'}")
    assert with_pictures.images is not None
    assert with_pictures.image_path is not None
    assert with_pictures.image_path.to_pylist() == ["x/1.jpg"]
    assert with_pictures.report.bad_counts == {"image: no such image file": 1}
    assert with_pictures.fingerprint != read(spec).fingerprint


def test_with_pictures_no_place_is_needed(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"one")
    spec = write(tmp_path / "t.csv", "image,species\n1.jpg,A\n1.jpg,B\n")
    found = read(f"{spec}:{tmp_path}")
    assert found.categories == ("A", "B") and not found.report.bad_counts
    assert not found.place_time.has_place_N.any()
    with pytest.raises(UserError, match="no column for latitude"):
        read(spec)


def test_one_coordinate_alone_is_a_misspelt_column(tmp_path: Path) -> None:
    spec = write(tmp_path / "t.csv", "image,species,lat,longitud\n1.jpg,A,1,2\n")
    with pytest.raises(UserError, match=r"t\.csv: a column lat, but no column for longitude \(lon, lng, "):
        read(f"{spec}:{tmp_path}")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("species,lat,lon\n", "a header but no records"),
        (bytes(range(256)) * 40, "not a text file"),
        (b"\xff\xfe\xfa" * 100, "not UTF-8 text"),
        (b"species,lat,lon\n\xff\xfe\xfa,1,2\n", "cannot be read as delimited text"),
        (
            "species,latitud,lon\nA,1,2\n",
            "no column for latitude (lat, latitude, decimalLatitude); found species, latitud",
        ),
        ("name,x,y\nA,1,2\n", "no column for label"),
        (b"PAR1 but nothing behind it", "damaged Parquet file"),
    ],
)
def test_what_is_no_table_of_records_is_one_clear_line(tmp_path: Path, content: str | bytes, says: str) -> None:
    spec = write(tmp_path / "t.csv", content)
    with pytest.raises(UserError) as caught:
        read(spec)
    assert says in str(caught.value)
    assert "t.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_near_miss_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Did you mean latitud"):
        read(write(tmp_path / "t.csv", "species,latitud,lon\nA,1,2\n"))


def test_missing_and_false_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.csv: no such file"):
        read(f"table:{tmp_path / 'absent.csv'}")
    with pytest.raises(UserError, match="is a folder"):
        read(f"table:{tmp_path}")
    with pytest.raises(UserError, match="expected a file"):
        read("table:")
    (tmp_path / "false.csv.gz").write_bytes(b"species,lat,lon\nA,1,2\n")
    with pytest.raises(UserError, match="damaged or not a gzip file"):
        read(f"table:{tmp_path / 'false.csv.gz'}")
    cut = gzip.compress(text().encode() * 100)[:-30]
    (tmp_path / "cut.csv.gz").write_bytes(cut)
    with pytest.raises(UserError, match="damaged"):
        read(f"table:{tmp_path / 'cut.csv.gz'}")
    with pytest.raises(UserError, match="no such image folder"):
        read(f"{write(tmp_path / 't.csv', text())}:{tmp_path / 'nowhere'}")


def test_an_unknown_kind_lists_the_kinds_and_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown kind of data set 'inat2020'\. Did you mean inat20.*yfcc_geo100:DIR"):
        read("inat2020:/data")
