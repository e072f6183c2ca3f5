"""A table in a terminal of any width: no number is cut, and what is left out is named."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.tables.compare import comparison_table
from fieldmark.tables.grid import Column, Grid, Row
from fieldmark.tables.render import grid, render
from fieldmark.tables.render.fitting import fit, whole_width
from fieldmark.tables.render.folding import fold
from fieldmark.tables.render.terminal import render_terminal
from fieldmark.testing.synthetic_reproduction import synthetic_reproduction

ORDER = ["Multiply-adds", "A run", "Parameters", "Right / wrong", "of bound", "Notes"]
"""In which columns of a comparison table are left out."""
TABLES = ["S1", "S3", "S4", "S5", "S6"]


@pytest.fixture(scope="module")
def grids() -> dict[str, Grid]:
    store = synthetic_reproduction("memory://", seeds=2).store
    return {table: grid(comparison_table(store, table)) for table in TABLES}


def left_out(text: str) -> list[str]:
    """Returns the columns that a rendered table names as left out."""
    found = re.search(r"Left out for want of room: (.*?)\. A terminal of", " ".join(text.split()))
    return found[1].split(", ") if found else []


def is_whole(cell: str, text: str) -> bool:
    """Whether a cell stands in a rendered table with nothing before or after its numbers."""
    return re.search(rf"(?<![\d.]){re.escape(cell)}(?![\d.])", text) is not None


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 160, 200, 300])
@pytest.mark.parametrize("table", TABLES)
def test_no_number_is_cut_and_what_is_left_out_is_named(grids: dict[str, Grid], table: str, width: int) -> None:
    found = grids[table]
    text = render_terminal(found, width)
    assert max(map(len, text.splitlines())) <= width
    gone = left_out(text)
    assert gone == [name for name in ORDER if name in gone], "left out in another order than the stated one"
    body = " ".join(text.split())
    for place, column in enumerate(found.columns):
        if column.title.partition(":")[0] in gone or column.align == "left":
            continue
        assert all(is_whole(row.cells[place], body) for row in found.rows), column.title
    told = re.search(r"Notes$|Notes: \d", text, re.MULTILINE) is not None
    assert "Verdict" in text and told == ("Notes" not in gone)
    if gone:
        assert f"`fieldmark table {table} --format md`" in body


def test_in_120_columns_verdict_and_notes_are_legible(grids: dict[str, Grid]) -> None:
    for table in ("S4", "S5"):
        lines = render_terminal(grids[table], 120).splitlines()
        assert any(re.search(r"Verdict +Notes$", line) for line in lines)
        marks = [", ".join(map(str, row.marks)) for row in grids[table].rows]
        first = next(line for line in lines if line.startswith("1 "))
        assert first.endswith(fold(marks[0], 10)[0]) and "other" in first


def test_a_pipe_loses_nothing(grids: dict[str, Grid]) -> None:
    store = synthetic_reproduction("memory://", tables=("S4",), seeds=2).store
    text = render(comparison_table(store, "S4"), "terminal")
    assert left_out(text) == []
    for row in grids["S4"].rows:
        numbers = (cell for cell, column in zip(row.cells, grids["S4"].columns, strict=True) if column.align == "right")
        assert all(is_whole(cell, text) for cell in numbers)
    assert max(map(len, text.splitlines())) >= 160


def test_the_width_that_is_named_shows_all(grids: dict[str, Grid]) -> None:
    for found in grids.values():
        named = re.search(r"A terminal of (\d+)\s+columns", render_terminal(found, 120))
        assert named is not None and int(named[1]) == whole_width(found)
        assert left_out(render_terminal(found, int(named[1]))) == []


def test_where_the_main_columns_do_not_fit_each_row_is_told_in_pairs(grids: dict[str, Grid]) -> None:
    text = render_terminal(grids["S4"], 80)
    row = grids["S4"].rows[0]
    told = dict(zip((column.title for column in grids["S4"].columns), row.cells, strict=True))
    for title in ("Method", "Measured, %", "n", "− Dynamic MLP [95 %]", "Verdict"):
        assert f"{title}: {told[title]}" in text
    assert left_out(text) == []


words = st.text("abcdé-019. ", min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(words, words, words), min_size=1, max_size=4), width=st.integers(20, 90))
def test_nothing_is_lost_of_the_columns_that_are_shown(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = (Column(title="One two"), Column(title="x", align="right", leave=1), Column(title="Three, four", least=9))
    found = Grid(title="t", columns=columns, rows=tuple(Row(cells=cells, marks=(1, 12)) for cells in rows))
    fitted = fit(found, width)
    if fitted.widths is None:
        return
    assert sum(fitted.widths) + 2 * (len(fitted.widths) - 1) <= width
    for row in fitted.grid.rows:
        for cell, column_width in zip(row.cells, fitted.widths, strict=True):
            lines = fold(cell, column_width)
            assert "".join("".join(lines).split()) == "".join(cell.split())
            assert all(len(line) <= column_width for line in lines)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("frozen backbone", 8, ["frozen", "backbone"]),
        ("YFCC100M-GEO100", 10, ["YFCC100M-", "GEO100"]),
        ("SK-Res2Net-101", 11, ["SK-Res2Net-", "101"]),
        ("lr 5e-4, top-1 -0.25", 3, ["lr", "5e-4,", "top-1", "-0.25"]),
    ],
)
def test_texts_are_folded_and_numbers_are_not(text: str, width: int, lines: list[str]) -> None:
    assert fold(text, width) == lines
