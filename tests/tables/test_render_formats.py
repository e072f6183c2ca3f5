"""The same table in six formats: nothing lost, everything escaped, nothing too wide."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fieldmark.errors import UserError
from fieldmark.tables.compare import comparison_table
from fieldmark.tables.grid import Column, Grid, Row
from fieldmark.tables.render import FORMATS, grid, render
from fieldmark.tables.render.html import render_html
from fieldmark.tables.render.latex import render_latex
from fieldmark.tables.render.markdown import render_markdown
from fieldmark.tables.render.terminal import render_terminal
from fieldmark.tables.settings import settings_table

HOSTILE = Grid(
    title="<script>alert(1)</script> & 100 %",
    columns=(Column(title="a_b"), Column(title="$x$", align="right")),
    rows=(Row(cells=("<b>|x|</b>", "5 % ± 1 #1"), marks=(1,)),),
    footnotes=("{brace} \\ tilde~",),
)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_every_published_value(finished: Any, format: str) -> None:
    text = render(comparison_table(finished.store, "S2"), format)
    for value in ("80.246", "80.275", "80.302", "80.33", "84.694", "76.102"):
        assert value in text


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["S1", "S4", "2", "6", "8"])
def test_other_tables_render_too(finished: Any, format: str, name: str) -> None:
    assert len(render(comparison_table(finished.store, name), format).splitlines()) > 5


@pytest.mark.parametrize("format", FORMATS)
def test_the_table_of_settings_renders(finished: Any, format: str) -> None:
    text = render(settings_table(finished.store), format)
    assert "class_frequency" in text or "class frequency" in text


def test_the_terminal_table_fits_120_columns(finished: Any) -> None:
    for table in (comparison_table(finished.store, "S2"), settings_table(finished.store)):
        lines = render_terminal(grid(table), 120).splitlines()
        assert max(map(len, lines)) <= 120
        assert not any("…" in line for line in lines)


def test_a_measured_row_reads_as_it_should(finished: Any) -> None:
    text = render(comparison_table(finished.store, "S2"), "terminal")
    line = next(line for line in text.splitlines() if line.lstrip().startswith("1 "))
    assert re.search(r"PriorsNet +1024 +5e-4 +CB 100 +80\.246 +70\.21 ± 0\.19 +3 ", line)


def test_json_follows_its_schema_and_says_its_units(finished: Any, root: Path) -> None:
    schema = json.loads((root / "docs/reference/table.schema.json").read_text())
    for name in ("S2", "S1", "6"):
        jsonschema.validate(json.loads(render(comparison_table(finished.store, name), "json")), schema)
    first = json.loads(render(comparison_table(finished.store, "S2"), "json"))["rows"][0]
    assert (first["published"], first["published_unit"]) == (80.246, "%")
    assert (first["mean"], first["mean_unit"]) == (pytest.approx(0.7021, abs=1e-4), "fraction")
    assert {"keys", "std", "n", "footnotes", "verdict"} <= set(first)


def test_csv_has_a_line_a_row_and_full_numbers(finished: Any) -> None:
    table = comparison_table(finished.store, "S2")
    lines = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    assert len(lines) == len(table.rows)
    assert float(lines[0]["mean"]) == table.rows[0].metrics["top1"].mean


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_balanced_and_escapes_everything(finished: Any) -> None:
    for text in (render_html(HOSTILE), render(comparison_table(finished.store, "S2"), "html")):
        tags = Tags()
        tags.feed(text)
        assert tags.open == []
        assert not tags.seen & {"script", "b"}


def test_html_stands_alone_and_scrolls_on_narrow_screens() -> None:
    text = render_html(HOSTILE)
    assert text.startswith("<!doctype html>") and '<meta charset="utf-8" />' in text
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "border-bottom: 1px solid" in style and "sans-serif" in style and ".scroll { overflow-x: auto" in style
    assert re.search(r'<div class="scroll"[^>]*>\n<table>', text)
    assert not re.search(r"https?:|url\(|@import|<link|src=", text)


def test_latex_escapes_what_latex_reads() -> None:
    text = render_latex(HOSTILE)
    assert r"a\_b" in text
    assert r"\$x\$" in text
    assert r"5 \% $\pm$ 1 \#1" in text
    assert r"\{brace\} \textbackslash{} tilde\textasciitilde{}" in text
    assert r"\toprule" in text


def test_markdown_rows_have_as_many_cells_as_the_head() -> None:
    lines = [line for line in render_markdown(HOSTILE).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}


def test_an_unknown_format_is_one_line(finished: Any) -> None:
    with pytest.raises(UserError, match="terminal, md, latex, html, csv, json"):
        render(comparison_table(finished.store, "S2"), "pdf")
