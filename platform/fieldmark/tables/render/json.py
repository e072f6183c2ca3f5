"""Tables for scripts: stable names, documented in docs/reference/table.schema.json."""

import json
from dataclasses import asdict
from typing import Any

from fieldmark.tables.model import ComparisonRow, ComparisonTable
from fieldmark.tables.settings_model import SettingsTable
from fieldmark.tables.statistics import Difference


def render_json(table: ComparisonTable | SettingsTable) -> str:
    """Returns the table as JSON: measured metrics are fractions, published values keep their unit, and both say so."""
    content = comparison_json(table) if isinstance(table, ComparisonTable) else settings_json(table)
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def comparison_json(table: ComparisonTable) -> dict[str, Any]:
    """Returns a comparison table as plain values."""
    return {
        "table": table.table,
        "title": table.title,
        "dataset": table.dataset,
        "fingerprint": table.fingerprint,
        "protocol": table.protocol,
        "scale": table.scale,
        "score": table.score,
        "split": "test",
        "test_records": table.test_records,
        "reference": table.reference,
        "minimum_detectable_difference": table.minimum_detectable_difference,
        "complete": table.complete,
        "completeness": table.completeness,
        "command": table.command,
        "rows": [comparison_row(table, row) for row in table.rows if row.row is not None],
        "references": [comparison_row(table, row) for row in table.rows if row.row is None],
        "header": list(table.header),
        "remarks": list(table.closing),
        "summary": table.summary,
    }


def comparison_row(table: ComparisonTable, row: ComparisonRow) -> dict[str, Any]:
    """Returns one row as plain values."""
    top1 = row.top1
    return {
        "row": row.row,
        "kind": row.kind,
        "keys": row.keys,
        "published": row.published,
        "published_unit": row.published_unit,
        "published_standard_error": row.published_error,
        "metric": "top1",
        "mean": top1.mean if top1 is not None else None,
        "std": top1.std if top1 is not None else None,
        "mean_unit": "fraction",
        "n": top1.n if top1 is not None else 0,
        "metrics": {name: {"mean": found.mean, "std": found.std} for name, found in row.metrics.items()},
        "difference": interval(row.difference),
        "difference_published": row.difference_published,
        "share_of_bound": row.share_of_bound,
        "turned_right": row.turned_right,
        "turned_wrong": row.turned_wrong,
        "parameters": row.parameters,
        "counts": {name: asdict(count) for name, count in row.counts.items()},
        "seconds": row.seconds,
        "data": row.data,
        "frozen": row.frozen,
        "config_id": row.config_id,
        "config": row.config,
        "verdict": row.verdict,
        "footnotes": [table.footnotes[number - 1] for number in row.footnotes],
    }


def interval(difference: Difference | None) -> dict[str, float] | None:
    """Returns a difference of fractions with its 95 % interval."""
    if difference is None:
        return None
    return {"value": difference.value, "low": difference.low, "high": difference.high}


def settings_json(table: SettingsTable) -> dict[str, Any]:
    """Returns a table of settings as plain values."""
    return asdict(table)
