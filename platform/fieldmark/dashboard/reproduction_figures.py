"""The figures that lie beside a reproduction's pages."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

FOLDER = "figures"
TITLES = {
    "S1": "Figure S1: where the pictures of the data sets were taken",
    "S2": "Figure S2: GeoNet's accuracy by epoch, from the image-only accuracy on",
    "S3": "Figure S3: activation maps of several methods",
    "S4": "Figure S4: accuracy by category, sorted by the baseline",
}
SHOWN = ("png", "svg")
"""Kinds of files that can be looked at; the first that there is stands on the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureFile:
    """A picture, and the files of the same name beside it."""

    name: str
    title: str
    source: str
    """Address of the picture, relative to the page."""
    links: tuple[tuple[str, str], ...]
    """Kind and address of every file: the picture in other forms, and its data."""


def find_figures(folder: Path) -> list[FigureFile]:
    """Returns the figures in a folder's ``figures``, in the order of their names."""
    files: dict[str, dict[str, Path]] = {}
    for path in sorted((folder / FOLDER).glob("*")):
        if path.is_file() and not path.name.startswith("."):
            files.setdefault(path.stem, {})[path.suffix.removeprefix(".")] = path
    return [_figure(name, kinds) for name, kinds in files.items() if set(kinds) & set(SHOWN)]


def _figure(name: str, kinds: dict[str, Path]) -> FigureFile:
    shown = next(kind for kind in SHOWN if kind in kinds)
    ordered = [*(kind for kind in SHOWN if kind in kinds), *(kind for kind in kinds if kind not in SHOWN)]
    return FigureFile(
        name=name,
        title=_title(name),
        source=_address(kinds[shown].name),
        links=tuple((kind.upper(), _address(kinds[kind].name)) for kind in ordered),
    )


def _title(name: str) -> str:
    found = re.match(r"(?:fig(?:ure)?[-_ ]?)?(S[1-4])(?:[-_. ]?(.*))?$", name, re.IGNORECASE)
    if found is None:
        return name
    rest = _words(found[2] or "")
    return TITLES[found[1].upper()] + (f" ({rest})" if rest else "")


def _words(text: str) -> str:
    return " ".join(part for part in re.split(r"[-_ ]+", text) if part)


def _address(name: str) -> str:
    return f"{FOLDER}/{quote(name)}"
