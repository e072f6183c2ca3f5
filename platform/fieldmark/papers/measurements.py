"""Which configuration reproduces each published accuracy of the supplement."""

from functools import cache
from typing import Any

from fieldmark.config import ScaleName, View
from fieldmark.errors import UserError
from fieldmark.papers.configurations import on_frozen, resolution_at, whole
from fieldmark.papers.measurement import Measurement
from fieldmark.papers.measurement_notes import ensemble_notes, notes
from fieldmark.papers.published import PublishedRow, rows
from fieldmark.papers.table_s2 import configuration

MEASURED = ("S1", "S2", "S3", "S4", "S5", "S6")
"""Tables whose accuracies are measured here; S2's PriorsNet rows have a sweep of their own."""
ACCURACY = "top1_accuracy"
ENSEMBLE = "ensemble"
ABOVE: dict[ScaleName, float] = {"paper": 0.91, "smoke": 0.6}
"""Share of tune that each of an ensemble's members gets right more than."""
TWO_WORKERS = (("S1", 1),)
"""Rows whose first seed is trained by two workers at smoke scale."""

_FUSIONS = {
    "image-only": "image_only",
    "Dynamic MLP": "dynamic_mlp_c",
    "Dynamic MLP (competition model)": "dynamic_mlp_c",
    "Attention (Q: img; K,V: geo-tem)": "attention_image",
    "Attention (Q: geo-tem; K,V: img)": "attention_location",
    "Attention (Q,K,V: concat of both)": "attention_concat",
    "Concatenation*": "concat_star",
    "Addition*": "add_star",
    "Multiplication*": "multiply_star",
    "Concatenation†": "concat_dagger",
    "Addition†": "add_dagger",
    "Multiplication†": "multiply_dagger",
}
"""By the printed method; `Dynamic MLP (ours)` depends on the table."""


def published_accuracies(table: str) -> tuple[PublishedRow, ...]:
    """Returns a table's printed accuracies, in the order of print; the columns of a row follow each other."""
    return tuple(row for row in rows(table) if row.metric == ACCURACY)


@cache
def measurements(table: str, scale: ScaleName) -> tuple[Measurement, ...]:
    """Returns what is run for each published accuracy of a table, in print order; of S2 for its last row only.

    Args:
        table: one of `MEASURED`.
        scale: `paper` or `smoke`.

    Raises:
        UserError: for any other table.
    """
    if table not in MEASURED:
        raise UserError(f"table {table}: expected one of {', '.join(MEASURED)}")
    found = (row for row in published_accuracies(table) if table != "S2" or configuration(row) is None)
    return tuple(_ensemble(row, scale) if row.method == ENSEMBLE else _single(row, scale) for row in found)


def _single(row: PublishedRow, scale: ScaleName) -> Measurement:
    assert row.dataset is not None
    fusion, resolution = _fusion(row), row.keys.get("r_train", 224)
    arguments: dict[str, Any] = {"resolution": resolution, **_inputs(row)}
    full = whole("paper", row.model, fusion, row.dataset, **arguments)
    frozen = scale == "smoke" and row.table != "S1" and full.looks_at_location
    config = on_frozen(row.model, fusion, row.dataset, **arguments) if frozen else None
    run = config or whole(scale, row.model, fusion, row.dataset, **arguments)
    view = _view(row, scale)
    return Measurement(
        table=row.table,
        row=row.row,
        dataset=row.dataset,
        method=row.method or "",
        config=run,
        image_model=whole(scale, row.model, "image_only", row.dataset, resolution=resolution) if frozen else None,
        view=view,
        workers=2 if scale == "smoke" and (row.table, row.row) in TWO_WORKERS else 1,
        full=full,
        notes=notes(row, scale, run, full, view),
    )


def _ensemble(row: PublishedRow, scale: ScaleName) -> Measurement:
    assert row.dataset is not None
    return Measurement(
        table=row.table,
        row=row.row,
        dataset=row.dataset,
        method=row.model,
        config=None,
        ensemble_above=ABOVE[scale],
        notes=ensemble_notes(scale, ABOVE[scale]),
    )


def _fusion(row: PublishedRow) -> str:
    if row.method == "Dynamic MLP (ours)":
        return "dynamic_mlp_c" if row.table == "S2" else "dynamic_mlp_b"
    return _FUSIONS[row.method or ""]


def _inputs(row: PublishedRow) -> dict[str, Any]:
    """Returns the inputs that a row goes without."""
    inputs: dict[str, Any] = {}
    if row.dataset == "YFCC100M-GEO100" or row.keys.get("temporal") is False:
        inputs["date"] = False
    if row.keys.get("geo") is False:
        inputs["encoding"] = "none"
    return inputs


def _view(row: PublishedRow, scale: ScaleName) -> str:
    sizes = tuple(resolution_at(scale, pixels) for pixels in row.keys.get("r_test", ()))
    own = (resolution_at(scale, row.keys.get("r_train", 224)),)
    return View(sizes=() if sizes == own else sizes, crops="ten" if row.model == "Swin-Large" else "center").text
