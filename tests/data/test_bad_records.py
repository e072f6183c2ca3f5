"""What cannot be true is left out, counted and listed; what is missing is merely missing."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.data.observations import Observations
from fieldmark.data.open import open_dataset
from fieldmark.data.readers import read
from fieldmark.data.readers.badlog import LISTED
from fieldmark.errors import UserError

HEADER = "id,species,lat,lon,date\n"
GOOD = "".join(f"g{number},{'AB'[number % 2]},{number},{number},2020-01-01\n" for number in range(20))


def table(path: Path, rows: str, header: str = HEADER) -> str:
    (path / "t.csv").write_text(header + rows)
    return f"table:{path / 't.csv'}"


def read_with(path: Path, row: str) -> Observations:
    """Reads one row after 20 good ones (lines 2 to 21)."""
    return read(table(path, GOOD + row + "\n"))


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("x,,1,1,2020-01-01", "species", "no label"),
        ("x, NA ,1,1,2020-01-01", "species", "no label"),
        ("x,A,1,190,2020-01-01", "lon", "outside -180..180, expected degrees"),
        ("x,A,95,1,2020-01-01", "lat", "outside -90..90, expected degrees"),
        ("x,A,5412345.7,512345.1,2020-01-01", "lat", "outside -90..90, expected degrees"),
        ("x,A,inf,1,2020-01-01", "lat", "outside -90..90, expected degrees"),
        ("x,A,1_0,1,2020-01-01", "lat", "not a number"),
        ("x,A,north,1,2020-01-01", "lat", "not a number"),
        ("x,A,1,1°2'3,2020-01-01", "lon", "not a number"),
        ("x,A,1,1,2999-01-01", "date", "in the future"),
        ("g3,A,1,1,2020-01-01", "id", "id appears before"),
        ("x,A,1", "row", "3 fields where the header has 5"),
    ],
)
def test_a_bad_record_is_left_out_and_named(tmp_path: Path, row: str, field: str, reason: str) -> None:
    observations = read_with(tmp_path, row)
    report = observations.report
    assert (report.read, report.kept, len(observations)) == (21, 20, 20)
    assert report.bad_counts == {f"{field}: {reason}": 1}
    assert (report.bad[0].file, report.bad[0].row, report.bad[0].field) == ("t.csv", 22, field)
    assert report.bad[0].reason.startswith(reason)


@pytest.mark.parametrize("place", [",", "NA,NA", "nan,NaN", "null,None", "12.5,", ",12.5", "0.1,\\N"])
def test_a_missing_place_is_no_mistake(tmp_path: Path, place: str) -> None:
    observations = read_with(tmp_path, f"x,A,{place},2020-01-01")
    assert not observations.report.bad_counts
    assert not observations.place_time.has_place_N[-1]
    assert np.isnan(observations.place_time.latitude_N[-1])
    assert np.isnan(observations.place_time.longitude_N[-1])


@pytest.mark.parametrize(
    ("date", "day"),
    [
        ("2020-01-05", "2020-01-05"),
        ("2020/01/05", "2020-01-05"),
        ("2020-01-05 23:59:59+00:00", "2020-01-05"),
        ("2020-01-05/2020-01-07", "2020-01-05"),
        ("", "NaT"),
        ("NA", "NaT"),
    ],
)
def test_dates_that_can_be_read(tmp_path: Path, date: str, day: str) -> None:
    observations = read_with(tmp_path, f"x,A,1,1,{date}")
    assert str(observations.place_time.date_N[-1]) == day
    assert not observations.report.bad_counts


@pytest.mark.parametrize("date", ["05.01.2020", "2020", "2020-02-30", "spring", "20-1-5"])
def test_an_unreadable_date_is_counted_and_its_record_stays(tmp_path: Path, date: str) -> None:
    observations = read_with(tmp_path, f"x,A,1,1,{date}")
    assert len(observations) == 21
    assert np.isnat(observations.place_time.date_N[-1])
    assert observations.report.bad_counts == {"date: not a date as YYYY-MM-DD, kept without a date": 1}
    assert date in observations.report.bad[0].reason


def test_rows_keep_their_numbers_after_torn_and_blank_ones(tmp_path: Path) -> None:
    report = read(table(tmp_path, "a,A,1,1,\n\ntorn\nb,A,99,1,\nc,A,1,1,\nd,,1,1,\n")).report
    assert [(bad.row, bad.field) for bad in report.bad] == [(4, "row"), (5, "lat"), (7, "species")]
    assert report.read == 5


def test_a_category_of_bad_records_only_is_no_category(tmp_path: Path) -> None:
    assert read_with(tmp_path, "x,Z,99,1,2020-01-01").categories == ("A", "B")


def test_all_are_counted_and_the_first_thousand_listed(tmp_path: Path) -> None:
    report = read(table(tmp_path, "".join(f"x{number},A,95,1,\n" for number in range(LISTED + 50)))).report
    assert sum(report.bad_counts.values()) == LISTED + 50
    assert len(report.bad) == LISTED
    assert report.kept == 0


def test_metres_stop_with_file_row_field_and_value(tmp_path: Path) -> None:
    rows = "".join(f"m{number},A,{5_400_000 + number},500000,\n" for number in range(6))
    with pytest.raises(UserError, match=r"t\.csv, row 22, lat: .*expected degrees, found '5400000'; 6 of 26 records"):
        open_dataset(table(tmp_path, GOOD + rows))


def test_a_share_below_the_limit_is_passed_over(tmp_path: Path) -> None:
    spec = table(tmp_path, GOOD + "m,A,5400000,1,\n")
    assert len(open_dataset(spec).observations) == 20
    with pytest.raises(UserError, match="more than the 1%"):
        open_dataset(spec, max_bad_share=0.01)


def test_swapped_columns_are_called_so(tmp_path: Path) -> None:
    rows = "".join(f"s{number},A,-{120 + number},{30 + number},\n" for number in range(9))
    with pytest.raises(UserError, match="looks like latitude and longitude are swapped"):
        open_dataset(table(tmp_path, rows))


def test_a_column_of_unreadable_dates_stops(tmp_path: Path) -> None:
    rows = "".join(f"d{number},{'AB'[number % 2]},{number},1,{number + 1}.5.2020\n" for number in range(9))
    with pytest.raises(UserError, match=r"row 2, date: not a date as YYYY-MM-DD.*found '1\.5\.2020'"):
        open_dataset(table(tmp_path, rows))


def test_no_place_at_all_is_useless(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no record has a place"):
        open_dataset(table(tmp_path, "".join(f"n{number},{'AB'[number % 2]},,NA,\n" for number in range(9))))


def test_one_category_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1 category"):
        open_dataset(table(tmp_path, "".join(f"n{number},A,{number},1,\n" for number in range(9))))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B", "", "NA", "é"]),
            st.sampled_from(["1.5", "-90", "", "nan", "95", "1e9", "x", "-0", " 3 "]),
            st.sampled_from(["1.5", "180", "", "190", "y", "1E2"]),
            st.sampled_from(["2020-01-01", "", "2999-12-31", "?", "2020-13-01"]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_every_record_is_kept_or_counted(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]) -> None:
    lines = "".join(f"{','.join((str(number), *row))}\n" for number, row in enumerate(rows))
    observations = read(table(tmp_path_factory.mktemp("rows"), lines))
    report = observations.report
    dropped = sum(count for reason, count in report.bad_counts.items() if not reason.endswith("kept without a date"))
    assert report.read == len(rows)
    assert report.kept == len(observations) == len(rows) - dropped
    where = observations.place_time
    placed = where.has_place_N
    assert (np.abs(where.latitude_N[placed]) <= 90).all()
    assert (np.abs(where.longitude_N[placed]) <= 180).all()
    assert ((observations.category_N >= 0) & (observations.category_N < max(len(observations.categories), 1))).all()
