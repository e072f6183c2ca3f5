"""Tables as pages of their own, in which everything is escaped."""

from html import escape

from fieldmark.tables.grid import Grid, Row

STYLE = """
:root { --paper: #fff; --ink: #1b2430; --soft: #5b6675; --rule: #dfe3e8; --tint: #f5f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --ink: #e6eaef; --soft: #9aa5b1; --rule: #323a44; --tint: #1c2229; }
}
body {
  margin: 0 auto; max-width: 1240px; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .75rem; }
p { margin: .2rem 0; max-width: 60rem; font-size: .92rem; }
.header, .footnotes, thead th, tr.apart, sup { color: var(--soft); }
.scroll { overflow-x: auto; margin: .9rem 0; }
table { border-collapse: collapse; font-size: .84rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .28rem .45rem; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: baseline; }
thead th { font-weight: 600; border-bottom: 2px solid var(--rule); vertical-align: bottom; }
th.right, td.right { text-align: right; }
td.right { white-space: nowrap; }
td:last-child { min-width: 6.5rem; }
tbody tr:hover { background: var(--tint); }
tr.apart { font-style: italic; }
tr:not(.reference) + tr.reference > * { border-top: 2px solid var(--rule); }
.footnotes { font-size: .82rem; padding-left: 1.6rem; }
"""
"""That of the pages, as much of it as a table needs."""


def render_html(grid: Grid) -> str:
    """Returns a page with the table, its notes and its footnotes in one `<section>`; it asks for nothing else."""
    heads = "".join(_cell("th", column.title, column.align) for column in grid.columns)
    body = "\n".join(_row(grid, row) for row in grid.rows)
    table = f"<table>\n<thead><tr>{heads}<th>Notes</th></tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8" />',
            '<meta name="viewport" content="width=device-width, initial-scale=1" />',
            '<meta name="color-scheme" content="light dark" />',
            f"<title>{escape(grid.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            '<section class="comparison">',
            f"<h2>{escape(grid.title)}</h2>",
            *(f'<p class="header">{escape(line)}</p>' for line in grid.header),
            f'<div class="scroll" tabindex="0" role="region" aria-label="Table">\n{table}\n</div>',
            *(f'<p class="closing">{escape(line)}</p>' for line in grid.closing),
            *_footnotes(grid),
            "</section>\n</body>\n</html>",
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
