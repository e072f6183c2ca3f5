"""What of a table a terminal has room for: texts are folded first, then whole columns left out, never a part of one."""

from collections.abc import Iterator
from dataclasses import dataclass

from fieldmark.tables.grid import Column, Grid
from fieldmark.tables.render.folding import fold, longest_piece, longest_word

GAP = 2
"""Spaces between two columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A table as it fits."""

    grid: Grid
    """With its notes as a column."""
    widths: tuple[int, ...] | None
    """Of the columns; None: they do not fit beside each other at all."""
    left_out: tuple[str, ...] = ()


def fit(grid: Grid, width: int) -> Fit:
    """Returns as much of a table as this many columns of text can show; all of it, unaligned, where it is too little.

    Columns are left out in the order of `Column.leave`, once folding texts is not enough.
    """
    noted = grid.with_notes()
    for shown, left_out in _stages(noted):
        if _needed(shown, width) <= width:
            return Fit(grid=shown, widths=_widths(shown, width), left_out=left_out)
    return Fit(grid=noted, widths=None)


def whole_width(grid: Grid) -> int:
    """Returns columns of text with which nothing of a table is left out, nor any word folded."""
    noted = grid.with_notes()
    return sum(words for _, words, _ in _levels(noted, None)) + GAP * (len(noted.columns) - 1)


def head(title: str, width: int) -> list[str]:
    """Returns a column's title in lines."""
    return [line for part in _parts(title) for line in fold(part, width)]


def _stages(grid: Grid) -> Iterator[tuple[Grid, tuple[str, ...]]]:
    yield grid, ()
    main, left_out = grid.main(), _details(grid)
    yield main, left_out
    order = sorted((column.leave, place) for place, column in enumerate(grid.columns) if column.leave)
    for end in range(1, len(order) + 1):
        gone = [place for _, place in order[:end]]
        titles = (grid.columns[place].title.partition(":")[0] for place in gone)
        yield main.without(gone), (*titles, *left_out)


def _details(grid: Grid) -> tuple[str, ...]:
    rows = sum(row.secondary for row in grid.rows)
    brief = [column.title for column in grid.columns if column.brief]
    return (
        *((f"{rows} rows of other scores",) if rows else ()),
        *((f"the spread of {' and '.join(brief)}",) if brief else ()),
    )


def _needed(grid: Grid, width: int) -> int:
    return sum(least for least, _, _ in _levels(grid, width)) + GAP * (len(grid.columns) - 1)


def _widths(grid: Grid, width: int) -> tuple[int, ...]:
    """Returns the least widths, and room to spare where it saves the most folding: whole words, then whole cells."""
    levels = _levels(grid, width)
    found = [least for least, _, _ in levels]
    spare = width - _needed(grid, width)
    for level in (1, 2):
        for place in sorted(range(len(found)), key=lambda one: levels[one][level] - found[one]):
            more = max(0, levels[place][level] - found[place])
            if more <= spare:
                found[place], spare = found[place] + more, spare - more
    while spare and (short := [place for place in range(len(found)) if found[place] < levels[place][2]]):
        for place in short[:spare]:
            found[place] += 1
        spare -= min(spare, len(short))
    return tuple(found)


def _levels(grid: Grid, width: int | None) -> list[tuple[int, int, int]]:
    """Returns each column's width when folded after hyphens, between words, and not at all."""
    return [
        _levels_of(column, [row.cells[place] for row in grid.rows], width) for place, column in enumerate(grid.columns)
    ]


def _levels_of(column: Column, cells: list[str], width: int | None) -> tuple[int, int, int]:
    longest, title = max(map(len, cells), default=0), longest_word(_parts(column.title))
    whole = max(longest, *map(len, _parts(column.title)))
    if column.align == "right":  # numbers are never broken
        return max(longest, title), max(longest, title), whole
    floor = max(title, min(column.least if width is None else min(column.least, width // 4), longest))
    return max(floor, longest_piece(cells)), max(floor, longest_word(cells)), whole


def _parts(title: str) -> list[str]:
    """Returns a title in the parts that stand on lines of their own."""
    for before, after in (
        (", ", ",\n"),
        (": ", ":\n"),
        (" [", "\n["),
        ("of ", "of\n"),
        ("− class ", "− class\n"),
        ("Raw ", "Raw\n"),
        ("Log-loss", "Log-\nloss"),
    ):
        title = title.replace(before, after)
    return title.split("\n")
