"""The package's published values against the validated source, and their doubts."""

import json
from collections import Counter
from pathlib import Path

import pytest

from fieldmark.errors import UserError
from fieldmark.papers import TABLES, PublishedRow, configuration, dataset_counts, rows

EXPECTED = {"S1": 10, "S2": 11, "S3": 4, "S4": 8, "S5": 4, "S6": 4}
EXPECTED |= {"1": 4, "2": 7, "3": 2, "4": 2, "5": 6, "6": 7, "7": 5, "8": 12}
EVERY = [row for table in TABLES for row in rows(table)]


def s2(number: int) -> PublishedRow:
    return next(row for row in rows("S2") if row.row == number)


def test_every_table_has_its_rows_and_there_are_309_values() -> None:
    assert {table: len({row.row for row in rows(table)}) for table in TABLES} == EXPECTED
    assert len(EVERY) == 309


def test_values_are_those_of_the_validated_source(shared: Path) -> None:
    source = json.loads((shared / "paper_tables.json").read_text())["records"]
    theirs = Counter((r["table"], r["row"], r["dataset"], r["metric"], repr(r["hyper"]), r["value"]) for r in source)
    ours = Counter((r.table, r.row, r.dataset, r.metric, repr(dict(r.keys)), r.value) for r in EVERY)
    assert ours == theirs


def test_no_value_is_without_a_footnote_where_the_source_has_a_doubt(shared: Path) -> None:
    source = json.loads((shared / "paper_tables.json").read_text())["records"]
    assert all(row.footnotes for row, record in zip(EVERY, source, strict=True) if record["notes"])


@pytest.mark.parametrize(
    ("table", "row", "metric", "words"),
    [
        ("S1", 1, "top1_accuracy", "on which split"),
        ("S1", 3, "top1_accuracy", "Swin Transformer only"),
        ("S2", 9, "top1_accuracy", "printed as 2048"),
        ("S2", 10, "top1_accuracy", "Not a permitted comparison"),
        ("S2", 11, "top1_accuracy", "stands on the starred line"),
        ("S3", 2, "top1_accuracy", "1046.5 images"),
        ("S4", 8, "params", "8,142 categories"),
        ("S5", 1, "top1_accuracy", "caption names iNat2018 only"),
        ("6", 5, "top1_error", "not blacklisted"),
    ],
)
def test_known_doubts_are_footnotes_of_their_rows(table: str, row: int, metric: str, words: str) -> None:
    found = [one for one in rows(table) if one.row == row and one.metric == metric]
    assert any(words in text for one in found for text in one.footnotes)


def test_only_the_starred_row_is_not_permitted() -> None:
    assert [(row.table, row.row) for row in EVERY if not row.allowed] == [("S2", 10)]


def test_what_other_authors_measured_is_a_citation() -> None:
    cited = {(row.table, row.row) for row in EVERY if row.kind == "citation"}
    assert cited == {("6", number) for number in range(1, 8)} | {("8", number) for number in range(3, 13)}
    assert all(row.keys["training"] == "original" for row in rows("6") if row.kind == "citation")


def test_standard_errors_are_those_of_rule_10() -> None:
    yfcc = next(row for row in rows("S3") if row.dataset == "YFCC100M-GEO100")
    inat = next(row for row in rows("S3") if row.dataset == "iNat2018")
    assert yfcc.standard_error == pytest.approx(1.1, abs=0.05)
    assert inat.standard_error == pytest.approx(0.26, abs=0.01)


def test_published_counts() -> None:
    counts = dataset_counts()
    assert (counts["iNat2018"].train, counts["iNat2018"].val, counts["iNat2018"].categories) == (437513, 24426, 8142)
    assert counts["iNat2021-mini"].train == 500000
    assert counts["YFCC100M-Geolocated-iNat2017species"].total == 36143


def test_configurations_of_s2() -> None:
    found = {number: configuration(s2(number)) for number in range(1, 12)}
    assert found[11] is None
    assert all(found[number] is not None for number in range(1, 11))
    five, nine, starred = found[5], found[9], found[10]
    assert five is not None
    assert (five.batch, five.lr, five.sampler, five.images_per_class) == (2048, 1e-3, "CB", 50)
    assert nine is not None
    assert (nine.batch, nine.lr, nine.sampler, nine.images_per_class) == (4096, 2e-3, "IB", None)
    assert starred is not None
    assert starred.train_on == "superset"


def test_an_unknown_table_is_one_line_that_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="S1, S2"):
        rows("S7")
    with pytest.raises(UserError, match="cui2018"):
        rows("8", "dynamic_mlp_supplement")
