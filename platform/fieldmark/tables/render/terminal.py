"""Tables for people at a terminal."""

import io
import shutil
import sys

from fieldmark.tables.grid import Grid

WIDEST = 120
NARROW = 100
"""Columns below which a table shows only what matters most."""


def render_terminal(grid: Grid, width: int | None = None) -> str:
    """Returns the table at the terminal's width, at most 120 columns, in colour where the output is a terminal.

    Args:
        grid: the table.
        width: columns; None asks the terminal, and takes 120 where the output is none.
    """
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    colour = sys.stdout.isatty()
    asked = shutil.get_terminal_size((WIDEST, 40)).columns if colour else WIDEST
    width = min(asked, WIDEST) if width is None else width
    console = Console(file=io.StringIO(), width=width, force_terminal=colour, no_color=not colour, highlight=False)
    console.print(Text(grid.title, style="bold"))
    for line in grid.header:
        console.print(Padding(Text(line, style="dim"), (0, 0, 0, 0)))
    console.print(_table(grid.narrow(very=width < NARROW), width))
    for line in grid.closing:
        console.print(Text(line))
    for number, text in enumerate(grid.footnotes, start=1):
        console.print(_footnote(number, text))
    output = console.file
    assert isinstance(output, io.StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def _two_lines(title: str) -> str:
    return (
        title.replace(", ", ",\n")
        .replace(": ", ":\n")
        .replace(" [", "\n[")
        .replace("of ", "of\n")
        .replace("− class ", "− class\n")
        .replace("Raw ", "Raw\n")
        .replace("Log-loss", "Log-\nloss")
    )


def _floor(wanted: int, cells: list[str]) -> int:
    """Returns the wanted width, or that of the longest cell where that is less."""
    return min(wanted, max(map(len, cells), default=0))


def _table(grid: Grid, width: int) -> object:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for place, column in enumerate(grid.columns):
        cells = [row.cells[place] for row in grid.rows]
        whole = column.align == "right"  # numbers are never broken, texts between words only
        least = max((len(word) for cell in cells for word in cell.split()), default=1)
        drawn.add_column(
            _two_lines(column.title),
            justify=column.align,
            no_wrap=whole,
            min_width=max(least, _floor(min(column.least, width // 4), cells)),
        )
    drawn.add_column("Notes", min_width=len("Notes"))
    for place, row in enumerate(grid.rows):
        marks = ", ".join(map(str, row.marks))
        style = {"row": "", "apart": "dim", "reference": "italic"}[row.kind]
        drawn.add_row(*(Text(cell) for cell in row.cells), Text(marks, style="dim"), style=style)
        after = grid.rows[place + 1].kind if place + 1 < len(grid.rows) else row.kind
        if after != row.kind:
            drawn.add_section()
    return drawn


def _footnote(number: int, text: str) -> object:
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1))
    line.add_column(width=3, justify="right")
    line.add_column()
    line.add_row(Text(str(number), style="dim"), Text(text, style="dim"))
    return line
