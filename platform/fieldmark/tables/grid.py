"""A table as text in cells, with its notes: what every renderer draws."""

from dataclasses import dataclass
from typing import Literal

RowKind = Literal["row", "apart", "reference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's head and looks."""

    title: str
    align: Literal["left", "right"] = "left"
    secondary: bool = False
    """Left out where there is little room, as in a terminal."""
    brief: bool = False
    """Without the spread over seeds where there is little room."""
    roomy: bool = False
    """Left out of a terminal that is narrower than usual."""
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

    def narrow(self, *, very: bool = False) -> "Grid":
        """Returns the table without its secondary columns and rows; `very`: without the roomy columns either."""
        kept = [place for place, column in enumerate(self.columns) if not (column.secondary or (very and column.roomy))]
        return Grid(
            title=self.title,
            columns=tuple(self.columns[place] for place in kept),
            rows=tuple(
                Row(cells=tuple(self._brief(row, place) for place in kept), kind=row.kind, marks=row.marks)
                for row in self.rows
                if not row.secondary
            ),
            header=self.header,
            closing=self.closing,
            footnotes=self.footnotes,
        )

    def _brief(self, row: Row, place: int) -> str:
        cell = row.cells[place]
        return cell.partition(" ± ")[0] if self.columns[place].brief else cell
