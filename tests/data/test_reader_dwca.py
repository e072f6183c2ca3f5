"""Darwin Core archives, as GBIF sends them and as others make them."""

import zipfile
from pathlib import Path

import pytest

from fieldmark.data.readers import read
from fieldmark.errors import UserError

TERMS = ("gbifID", "scientificName", "decimalLatitude", "decimalLongitude", "eventDate", "recordedBy")
ROWS = [
    ("7", "Apis mellifera", "51.5", "-0.1", "2020-05-31T10:00", 'Ann "the Bee" Lee'),
    ("8", "Bombus terrestris", "", "", "", ""),
    ("9", "Apis mellifera", "48.8", "2.3", "2020-06-01/2020-06-03", "Bob"),
]


def meta(delimiter: str = "\\t", encoding: str = "UTF-8", quote: str = "", header_lines: int = 1) -> str:
    fields = "".join(
        f'<field index="{position}" term="http://rs.tdwg.org/dwc/terms/{term}"/>'
        for position, term in enumerate(TERMS)
        if position
    )
    return (
        f'<archive xmlns="http://rs.tdwg.org/dwc/text/"><core encoding="{encoding}" fieldsTerminatedBy="{delimiter}" '
        f"fieldsEnclosedBy='{quote}' ignoreHeaderLines=\"{header_lines}\"><files><location>occurrence.txt</location>"
        f'</files><id index="0"/>{fields}<field term="http://rs.tdwg.org/dwc/terms/country" default="UK"/>'
        "</core></archive>"
    )


def lines(delimiter: str = "\t", header: bool = True) -> str:
    rows = [TERMS, *ROWS] if header else ROWS
    # A last column that meta.xml says nothing about.
    return "".join(delimiter.join((*row, "more")) + "\n" for row in rows)


def folder(path: Path, files: dict[str, str | bytes]) -> str:
    for name, content in files.items():
        (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return f"dwca:{path}"


def assert_is_the_archive(spec: str) -> None:
    observations = read(spec)
    assert observations.image_id.to_pylist() == ["7", "8", "9"]
    assert observations.categories == ("Apis mellifera", "Bombus terrestris")
    assert observations.place_time.has_place_N.tolist() == [True, False, True]
    assert observations.place_time.date_N.astype(str).tolist() == ["2020-05-31", "NaT", "2020-06-01"]
    assert observations.place_time.observer_N.tolist() == [0, -1, 1]
    assert not observations.report.bad_counts


def test_a_folder_with_tabs_and_no_quoting(tmp_path: Path) -> None:
    assert_is_the_archive(folder(tmp_path, {"meta.xml": meta(), "occurrence.txt": lines()}))


def test_a_zip_with_a_macs_shadow(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("__MACOSX/._meta.xml", "noise")
        archive.writestr("meta.xml", meta())
        archive.writestr("occurrence.txt", lines())
    assert_is_the_archive(f"dwca:{tmp_path / 'a.zip'}")


def test_commas_without_a_header_line(tmp_path: Path) -> None:
    files = {"meta.xml": meta(",", header_lines=0), "occurrence.txt": lines(",", header=False)}
    assert_is_the_archive(folder(tmp_path, files))


def test_another_encoding(tmp_path: Path) -> None:
    text = lines().replace("Apis mellifera", "Apis méllifera").encode("latin-1")
    observations = read(folder(tmp_path, {"meta.xml": meta(encoding="ISO-8859-1"), "occurrence.txt": text}))
    assert observations.categories[0] == "Apis méllifera"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"occurrence.txt": lines()}, "no meta.xml in it"),
        ({"meta.xml": "<archive", "occurrence.txt": lines()}, "meta.xml is damaged"),
        ({"meta.xml": "<archive/>", "occurrence.txt": lines()}, "names no core file"),
        ({"meta.xml": meta()}, "no occurrence.txt in it"),
        ({"meta.xml": meta(), "occurrence.txt": ""}, "occurrence.txt is empty"),
        ({"meta.xml": meta(), "occurrence.txt": "header\n"}, "has no records"),
        (
            {"meta.xml": meta().replace("decimalLatitude", "elevation"), "occurrence.txt": lines()},
            "no column for latitude",
        ),
        ({"meta.xml": meta("||"), "occurrence.txt": lines()}, "expected one character"),
        (
            {"meta.xml": meta().replace('index="2"', 'index="2000000000"'), "occurrence.txt": lines()},
            "no file has a column",
        ),
        ({"meta.xml": meta().replace('index="2"', 'index="two"'), "occurrence.txt": lines()}, "meta.xml is damaged"),
    ],
)
def test_damaged_archives_are_one_clear_line(tmp_path: Path, files: dict[str, str | bytes], says: str) -> None:
    with pytest.raises(UserError, match=says):
        read(folder(tmp_path, files))


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"noise" * 100)
    with pytest.raises(UserError, match="not a zip file"):
        read(f"dwca:{tmp_path / 'a.zip'}")
    with pytest.raises(UserError, match="no such file"):
        read(f"dwca:{tmp_path / 'b.zip'}")
