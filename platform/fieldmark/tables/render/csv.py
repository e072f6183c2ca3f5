"""Tables for spreadsheets: one line a row, numbers in full."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from fieldmark.tables.model import ComparisonTable
from fieldmark.tables.render.json import comparison_row, settings_json
from fieldmark.tables.settings_model import SettingsTable


def render_csv(table: ComparisonTable | SettingsTable) -> str:
    """Returns comma-separated lines with a header; nested values become columns named `outer.inner`."""
    if isinstance(table, ComparisonTable):
        records = [dict(_flat(comparison_row(table, row))) for row in table.rows]
    else:
        records = [dict(_flat(row)) for row in settings_json(table)["rows"]]
    names = list(dict.fromkeys(name for record in records for name in record))
    output = io.StringIO()
    writer = csv.DictWriter(output, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return output.getvalue().rstrip("\n")


def _flat(record: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield prefix + name, "; ".join(map(str, value))
        else:
            yield prefix + name, value
