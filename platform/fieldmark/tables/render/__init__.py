"""One table, six formats: terminal, Markdown, LaTeX, CSV, HTML and JSON."""

from collections.abc import Callable

from fieldmark.errors import UserError
from fieldmark.tables.grid import Grid
from fieldmark.tables.layout import comparison_grid
from fieldmark.tables.model import ComparisonTable
from fieldmark.tables.render import html, latex, markdown, terminal
from fieldmark.tables.render import json as json_format
from fieldmark.tables.render.csv import render_csv
from fieldmark.tables.settings_layout import settings_grid
from fieldmark.tables.settings_model import SettingsTable

_DRAWN: dict[str, Callable[[Grid], str]] = {
    "terminal": terminal.render_terminal,
    "md": markdown.render_markdown,
    "latex": latex.render_latex,
    "html": html.render_html,
}
FORMATS = (*_DRAWN, "csv", "json")

Table = ComparisonTable | SettingsTable


def render(table: Table, format: str = "terminal") -> str:
    """Returns a table as text.

    Args:
        table: a comparison table, or a table of settings.
        format: one of `FORMATS`.

    Raises:
        UserError: there is no such format.
    """
    if format not in FORMATS:
        raise UserError(f"--format {format!r}: expected one of {', '.join(FORMATS)}")
    if format == "json":
        return json_format.render_json(table)
    if format == "csv":
        return render_csv(table)
    return _DRAWN[format](grid(table))


def grid(table: Table) -> Grid:
    """Returns a table's cells as text."""
    return comparison_grid(table) if isinstance(table, ComparisonTable) else settings_grid(table)
