"""The cost of rows at paper scale, for people and for programs."""

import json
from typing import Literal

from fieldmark.search.reproduce.estimate import PaperEstimate, RowEstimate
from fieldmark.tables.grid import Column, Grid, Row

COLUMNS = (
    Column(title="Row", least=20),
    Column(title="What is trained", least=40),
    Column(title="Seeds", align="right"),
    Column(title="Train, GPU h", align="right"),
    Column(title="Evaluate, GPU h", align="right"),
    Column(title="All seeds, GPU h", align="right"),
    Column(title="Disk, GB", align="right"),
)


def describe_dry_run(estimate: PaperEstimate, format: Literal["terminal", "json"] = "terminal") -> str:
    """Returns an estimate as text.

    Args:
        estimate: of `estimate_rows`.
        format: `terminal` (in colour where the output is a terminal) or `json`.
    """
    if format == "json":
        return json.dumps(estimate.to_json())
    from fieldmark.tables.render.terminal import render_terminal

    return render_terminal(estimate_grid(estimate))


def estimate_grid(estimate: PaperEstimate) -> Grid:
    """Returns an estimate as cells of text."""
    notes = {text: number for number, text in enumerate(_notes(estimate), start=1)}
    return Grid(
        title="Cost at paper scale, as if nothing were stored yet; training and evaluation are those of one seed",
        columns=COLUMNS,
        rows=tuple(_row(row, notes) for row in estimate.rows),
        closing=(*_totals(estimate), *_missing(estimate), *(f"Assumed: {text}." for text in estimate.assumptions)),
        footnotes=tuple(notes),
    )


def _notes(estimate: PaperEstimate) -> list[str]:
    texts = [text for row in estimate.rows for text in _notes_of(row)]
    return list(dict.fromkeys(texts))


def _notes_of(row: RowEstimate) -> list[str]:
    shared = [f"The runs of {row.trained_for}, counted there."] if row.trained_for else []
    return [*shared, *([f"Time from: {row.source}."] if row.source else [])]


def _row(row: RowEstimate, notes: dict[str, int]) -> Row:
    hours = (row.train_gpu_hours, row.evaluate_gpu_hours, row.gpu_hours)
    return Row(
        cells=(
            row.cell,
            row.what,
            str(row.seeds),
            *(f"{value:,.1f}" for value in hours),
            _gigabytes(row.weights_bytes + row.predictions_bytes),
        ),
        marks=tuple(notes[text] for text in _notes_of(row)),
    )


def _totals(estimate: PaperEstimate) -> tuple[str, ...]:
    stored, kept = _gigabytes(estimate.store_bytes), _gigabytes(estimate.checkpoint_bytes)
    return (
        f"Together: {estimate.gpu_hours:,.0f} GPU-hours and {stored} GB of weights, predictions and probabilities; "
        f"a run that is under way has a checkpoint of up to {kept} GB. No features are cached: every row is trained "
        "whole.",
    )


def _missing(estimate: PaperEstimate) -> list[str]:
    return [
        f"Missing: {one.name}, {one.images:,} pictures. From {one.source}. Then {one.flag}; DIR holds {one.layout}."
        for one in estimate.missing
    ]


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f}"
