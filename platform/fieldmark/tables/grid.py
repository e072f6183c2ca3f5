"""A table as text in cells, with its notes: what every renderer draws."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

RowKind = Literal["row", "apart", "reference"]
NOTES = "Notes"
LAST = 99
"""The footnotes are the last column to be left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's head and looks."""

    title: str
    align: Literal["left", "right"] = "left"
    secondary: bool = False
    """Left out of the first view of a page."""
    brief: bool = False
    """Without the spread over seeds where there is little room."""
    leave: int = 0
    """Place in the order in which columns are left out of a terminal that is too narrow; 0: never."""
    least: int = 0
    """Letters that a column of text should have in a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table."""

    cells: tuple[str, ...]
    kind: RowKind = "row"
    """`apart`: set off and dimmed; `reference`: below a rule."""
    marks: tuple[int, ...] = ()
    """Its footnotes."""
    secondary: bool = False
    """Left out where there is little room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A whole table, ready to be drawn."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    header: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    footnotes: tuple[str, ...] = ()
    elsewhere: str = ""
    """The command that shows the table with nothing left out."""

    def narrow(self) -> "Grid":
        """Returns the table without its secondary columns and rows."""
        return self.main().without(place for place, column in enumerate(self.columns) if column.secondary)

    def main(self) -> "Grid":
        """Returns the table without its secondary rows, and without the spread over seeds in its brief columns."""
        rows = (
            replace(row, cells=tuple(self._brief(row, place) for place in range(len(self.columns))))
            for row in self.rows
            if not row.secondary
        )
        return replace(self, rows=tuple(rows))

    def without(self, left_out: Iterable[int]) -> "Grid":
        """Returns the table without the columns at these places."""
        gone = set(left_out)
        kept = [place for place in range(len(self.columns)) if place not in gone]
        return replace(
            self,
            columns=tuple(self.columns[place] for place in kept),
            rows=tuple(replace(row, cells=tuple(row.cells[place] for place in kept)) for row in self.rows),
        )

    def with_notes(self) -> "Grid":
        """Returns the table with the footnotes of its rows as a last column."""
        return replace(
            self,
            columns=(*self.columns, Column(title=NOTES, leave=LAST, least=len("10, 11, 12"))),
            rows=tuple(replace(row, cells=(*row.cells, ", ".join(map(str, row.marks)))) for row in self.rows),
        )

    def _brief(self, row: Row, place: int) -> str:
        cell = row.cells[place]
        return cell.partition(" ± ")[0] if self.columns[place].brief else cell
