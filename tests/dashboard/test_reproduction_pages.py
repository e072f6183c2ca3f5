"""The pages of a reproduction: every number, nothing from outside, all escaped, the same for the same results."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fieldmark.dashboard.reproduction import write_reproduction
from fieldmark.errors import UserError
from fieldmark.store.store import Store
from fieldmark.tables.compare import comparison_table
from fieldmark.tables.numbers import percent
from fieldmark.testing.synthetic_reproduction import SyntheticReproduction, synthetic_reproduction

HOSTILE = "world:<img src=x onerror=alert(1)></style><script>alert({})</script>"
PAGES = ("index", "figures", "S1", "S2", "S3", "S4", "S5", "S6")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def made() -> SyntheticReproduction:
    return synthetic_reproduction("memory://", test_records=300, spec=HOSTILE, missing=("S6:3:iNat2018",))


@pytest.fixture(scope="module")
def folder(made: SyntheticReproduction, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "figures").mkdir()
    for name in ("figS1.png", "figS1.svg", "figS1.csv", "figS4 a&b.svg", "notes.txt"):
        (folder / "figures" / name).write_bytes(PNG)
    assert write_reproduction(made.store, folder) == folder / "index.html"
    return folder


class Elements(HTMLParser):
    """Collects elements with their attributes, and the words between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def values(self, tag: str, name: str) -> list[str]:
        return [attributes[name] or "" for found, attributes in self.found if found == tag and name in attributes]


def read(folder: Path, page: str) -> Elements:
    return Elements((folder / f"{page}.html").read_text())


@pytest.mark.parametrize("table", ["S1", "S3", "S4", "S5", "S6"])
def test_a_tables_page_holds_its_numbers_and_sentences(made: SyntheticReproduction, folder: Path, table: str) -> None:
    words = "".join(read(folder, table).words)
    whole = comparison_table(made.store, table)
    for row in whole.rows:
        assert f"{row.published:.3f}" in words
        assert row.top1 is None or percent(row.top1) in words
    for sentence in (*whole.closing, *whole.footnotes, whole.summary):
        assert sentence in words
    assert made.plan.command in words
    assert "What the text claims of it" in words


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_loaded_from_outside_and_nothing_runs(folder: Path, page: str) -> None:
    elements = read(folder, page)
    assert {tag for tag, _ in elements.found} & {"script", "link", "iframe", "object", "base"} == set()
    addresses = [*elements.values("img", "src"), *elements.values("a", "href")]
    assert addresses
    for address in addresses:
        assert "//" not in address
        assert (folder / address.partition("#")[0].replace("%20", " ").replace("%26", "&")).is_file(), address
    text = (folder / f"{page}.html").read_text()
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?:", text)


@pytest.mark.parametrize("page", ["index", "S3", "S6"])
def test_a_hostile_name_is_text_and_nothing_else(folder: Path, page: str) -> None:
    elements = read(folder, page)
    assert "<script>alert(" in "".join(elements.words)
    assert not any("onerror" in attributes for _, attributes in elements.found)
    assert "<script" not in (folder / f"{page}.html").read_text()


def test_the_index_says_what_is_complete_and_counts_verdicts(folder: Path) -> None:
    elements = read(folder, "index")
    words = " ".join("".join(elements.words).split())
    assert "4 of 6 tables are complete: S1, S3, S4, S5." in words
    assert "missing: iNat2018 row 3 (all of 5 seeds)" in words
    assert "Dynamic MLP is significantly better in" in words
    assert re.search(
        r"Claims of the text: 4 hold, 1 does not follow on the printed rows; .+ on the measured ones", words
    )
    assert {f"{table}.html" for table in PAGES[2:]} <= set(elements.values("a", "href"))


def test_figures_stand_on_their_page_with_their_files(folder: Path) -> None:
    elements = read(folder, "figures")
    assert elements.values("img", "src") == ["figures/figS1.png", "figures/figS4%20a%26b.svg"]
    assert {"figures/figS1.svg", "figures/figS1.csv"} <= set(elements.values("a", "href"))
    assert "Figure S4: accuracy by category, sorted by the baseline (a&b)" in "".join(elements.words)


def test_the_same_results_give_the_same_files(made: SyntheticReproduction, folder: Path) -> None:
    paths = [folder / f"{page}.html" for page in PAGES]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]
    write_reproduction(made.store, folder)
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths] == before


def test_without_a_reproduction_it_says_which_command_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fieldmark reproduce all"):
        write_reproduction(Store.open("memory://"), tmp_path)


def test_figures_may_be_missing(made: SyntheticReproduction, tmp_path: Path) -> None:
    write_reproduction(made.store, tmp_path)
    assert "No figure lies in the folder" in " ".join(read(tmp_path, "figures").words)
