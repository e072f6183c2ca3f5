"""What the pictures of papers and sweeps share: signs that colour-blind readers tell apart, headings, and files."""

import json
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldmark.figures.trained_runs import DPI, INK, bare

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Okabe and Ito's palette, which colour-blind readers tell apart."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""A sign beside the colour, for print in black and white."""
GRID = "#dfe4ea"
SMALL = "#5a6570"
"""Colour of small print."""
CHARACTERS_AN_INCH = 16.2
HEAD_INCHES, LINE_INCHES = 0.45, 0.16
"""Height of a heading, and of each line below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What every figure says of the numbers that it shows."""

    dataset: str
    split: str
    """Part of the data, e.g. `tune`."""
    n: int
    """Records a value rests on."""
    smoke: bool
    frozen: bool
    """Whether something was trained on features of a frozen image-only model."""

    @property
    def sentence(self) -> str:
        """All of it in words."""
        smoke = "; scale smoke: a demonstration of the method, never a test of a published number" * self.smoke
        frozen = "; fusions trained on a frozen backbone's features" * self.frozen
        return f"{self.dataset}, {self.split} part, n = {self.n:,}{smoke}{frozen}."


def sign(place: int) -> dict[str, Any]:
    """Returns colour and marker of the line at that place; they come round again after seven."""
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}


def dress(axes: Any, x: str, y: str) -> None:
    """Takes the frame off, draws a light grid and names the axes."""
    bare(axes)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)


def heading(figure: Any, text: str, below: Sequence[str]) -> None:
    """Writes a title and sentences below it, broken to the figure's width, and keeps the plots off them.

    Args:
        figure: with a constrained layout and its final size.
        text: the title.
        below: sentences; each begins a line.
    """
    width, height = figure.get_size_inches()
    lines = [part for line in below for part in textwrap.wrap(line, int((width - 0.3) * CHARACTERS_AN_INCH))]
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - (HEAD_INCHES + LINE_INCHES * len(lines)) / height))
    place = {"x": 0.12 / width, "va": "top", "parse_math": False}
    figure.text(y=1 - 0.1 / height, s=text, fontsize=12, fontweight="bold", color=INK, **place)
    figure.text(y=1 - 0.36 / height, s="\n".join(lines), fontsize=8.5, color=SMALL, linespacing=1.3, **place)


def plain(legend: Any) -> None:
    """Keeps dollar signs in a legend's names from becoming formulas."""
    for text in legend.get_texts():
        text.set_parse_math(False)


def write_figure(figure: Any, data: Mapping[str, Any], folder: Path, stem: str) -> list[Path]:
    """Writes a figure as PNG and SVG and its numbers as JSON; the same figure gives the same bytes.

    Args:
        figure: matplotlib's.
        data: what `json` takes; without NaN.
        folder: made where it is missing.
        stem: name of the files without their endings.

    Returns:
        The three files.
    """
    import matplotlib as mpl

    folder.mkdir(parents=True, exist_ok=True)
    png, svg, numbers = (folder / f"{stem}.{ending}" for ending in ("png", "svg", "json"))
    with warnings.catch_warnings(), mpl.rc_context({"svg.hashsalt": "fieldmark"}):
        # Names are the user's, and the JSON has them whole: nobody can do anything about a font.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure.savefig(png, dpi=DPI, metadata={"Software": None})
        figure.savefig(svg, metadata={"Date": None, "Creator": None})
    numbers.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    return [png, svg, numbers]
