"""What `data describe` tells."""

import json
from pathlib import Path

from fieldmark.data.describe import describe
from fieldmark.data.open import open_dataset
from fieldmark.data.published_counts import check_counts

ROWS = [
    "A,1,2,2020-01-01,ann,train",
    "A,1,2,2020-01-05,,train",
    "B,,,,,train",
    "A,3,4,2021-02-03,bob,val",
    "C,5,6,,,test",
    "B,95,6,,,test",
    "B,5,6,,,",
]


def test_figures(tmp_path: Path) -> None:
    (tmp_path / "small.csv").write_text("species,lat,lon,date,observer,split\n" + "\n".join(ROWS))
    described = describe(open_dataset(f"table:{tmp_path / 'small.csv'}"))
    assert described.name == "small"
    assert (described.read, described.records, described.categories) == (7, 6, 3)
    assert described.counts == {"train": 3, "tune": 1, "test": 1, "unused": 1}
    assert described.field_shares == {"place": 5 / 6, "date": 3 / 6, "observer": 2 / 6, "image": 0.0}
    sizes = described.training_sizes
    assert (sizes.smallest, sizes.median, sizes.largest, sizes.absent) == (0, 1.0, 2, ("C",))
    assert (described.first_date, described.last_date) == ("2020-01-01", "2021-02-03")
    assert described.bad_counts == {"lat: outside -90..90, expected degrees": 1}
    assert described.bad[0].row == 7
    assert described.superset_records is None
    assert json.loads(json.dumps(described.to_json()))["bad"][0]["field"] == "lat"


def test_published_counts_are_checked() -> None:
    checks = check_counts("inat2018", {"train": 437_513, "val": 24_425, "categories": 8_142})
    assert [(check.what, check.agrees) for check in checks] == [("train", True), ("val", False), ("categories", True)]
    assert check_counts("mine", {"train": 1}) == ()
