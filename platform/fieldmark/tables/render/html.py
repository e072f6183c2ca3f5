"""Tables for pages: a fragment in which everything is escaped."""

from html import escape

from fieldmark.tables.grid import Grid, Row


def render_html(grid: Grid) -> str:
    """Returns a `<section>` with the table, its notes and its footnotes; classes only, no style of its own."""
    heads = "".join(_cell("th", column.title, column.align) for column in grid.columns)
    body = "\n".join(_row(grid, row) for row in grid.rows)
    return "\n".join(
        [
            '<section class="comparison">',
            f"<h2>{escape(grid.title)}</h2>",
            *(f'<p class="header">{escape(line)}</p>' for line in grid.header),
            f"<table>\n<thead><tr>{heads}<th>Notes</th></tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>",
            *(f'<p class="closing">{escape(line)}</p>' for line in grid.closing),
            *_footnotes(grid),
            "</section>",
        ]
    )


def _footnotes(grid: Grid) -> list[str]:
    if not grid.footnotes:
        return []
    items = "\n".join(f"<li>{escape(text)}</li>" for text in grid.footnotes)
    return [f'<ol class="footnotes">\n{items}\n</ol>']


def _row(grid: Grid, row: Row) -> str:
    cells = "".join(_cell("td", cell, column.align) for cell, column in zip(row.cells, grid.columns, strict=True))
    marks = ", ".join(map(str, row.marks))
    return f'<tr class="{row.kind}">{cells}<td><sup>{marks}</sup></td></tr>'


def _cell(tag: str, text: str, align: str) -> str:
    return f'<{tag} class="{align}">{escape(text)}</{tag}>'
