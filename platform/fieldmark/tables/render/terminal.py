"""Tables for people at a terminal."""

import io
import shutil
import sys
from typing import TYPE_CHECKING

from fieldmark.tables.grid import NOTES, Grid, Row
from fieldmark.tables.render.fitting import Fit, fit, head, whole_width
from fieldmark.tables.render.folding import fold

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

PIPED = 160
"""Columns of an output that is no terminal, and more where a table needs more."""
PROSE = 120
"""Columns beyond which sentences are not read well."""
STYLES = {"row": "", "apart": "dim", "reference": "italic"}


def render_terminal(grid: Grid, width: int | None = None) -> str:
    """Returns the table at the terminal's width, in colour where the output is a terminal.

    Where its columns do not fit, texts are folded, then whole columns left out and named below. Where not even the
    main ones fit, each row is written as `title: value` pairs, and nothing is left out.

    Args:
        grid: the table.
        width: columns; None asks the terminal, and takes what the whole table needs where the output is none.
    """
    from rich.console import Console, Group
    from rich.text import Text

    colour = sys.stdout.isatty()
    if width is None:
        width = shutil.get_terminal_size((PROSE, 40)).columns if colour else max(PIPED, whole_width(grid))
    console = Console(file=io.StringIO(), width=width, force_terminal=colour, no_color=not colour, highlight=False)
    fitted, prose = fit(grid, width), min(width, PROSE)
    console.print(Text(grid.title, style="bold"), width=prose)
    for line in grid.header:
        console.print(Text(line, style="dim"), width=prose)
    console.print(_table(fitted) if fitted.widths is not None else Group(*_stacked(fitted.grid, width)))
    if fitted.left_out:
        console.print(Text(_left_out(grid, fitted), style="dim"), width=prose)
    for line in grid.closing:
        console.print(Text(line), width=prose)
    for number, text in enumerate(grid.footnotes, start=1):
        console.print(_footnote(number, text), width=prose)
    output = console.file
    assert isinstance(output, io.StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def _left_out(grid: Grid, fitted: Fit) -> str:
    too = f", and so does `{grid.elsewhere}`" if grid.elsewhere else ""
    return (
        f"Left out for want of room: {', '.join(fitted.left_out)}. "
        f"A terminal of {whole_width(grid)} columns shows all{too}."
    )


def _table(fitted: Fit) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid, widths = fitted.grid, fitted.widths
    assert widths is not None
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for column, width in zip(grid.columns, widths, strict=True):
        style = "dim" if column.title == NOTES else ""
        title = "\n".join(head(column.title, width))
        drawn.add_column(title, justify=column.align, width=width, no_wrap=True, style=style)
    for place, row in enumerate(grid.rows):
        cells = ("\n".join(fold(cell, width)) for cell, width in zip(row.cells, widths, strict=True))
        drawn.add_row(*map(Text, cells), style=STYLES[row.kind])
        after = grid.rows[place + 1].kind if place + 1 < len(grid.rows) else row.kind
        if after != row.kind:
            drawn.add_section()
    return drawn


def _stacked(grid: Grid, width: int) -> "list[Text]":
    from rich.text import Text

    return [Text(line, style=STYLES[row.kind]) for row in grid.rows for line in _pairs(grid, row, width)]


def _pairs(grid: Grid, row: Row, width: int) -> list[str]:
    """Returns a row as `title: value` pairs; a pair is broken only where it is longer than a line."""
    room, lines = width - 2, [""]
    for column, cell in zip(grid.columns, row.cells, strict=True):
        if not cell:
            continue
        title, _, parts = column.title.partition(": ")
        told = f"{title} ({parts})" if parts else title
        pair = cell if title == "#" else f"{told}: {cell}"
        if lines[-1] and len(lines[-1]) + 3 + len(pair) <= room:
            lines[-1] += f"   {pair}"
        else:
            lines += fold(pair, room)
    first, *more = [line for line in lines if line] or [""]
    return [first, *(f"  {line}" for line in more)]


def _footnote(number: int, text: str) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1))
    line.add_column(width=3, justify="right")
    line.add_column()
    line.add_row(Text(str(number), style="dim"), Text(text, style="dim"))
    return line
