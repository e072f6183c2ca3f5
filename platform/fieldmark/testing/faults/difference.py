"""How far two stores differ in what they tell."""

import math
from collections.abc import Mapping

from fieldmark.store import Store

VOLATILE = ("images_per_second",)
"""Columns of a curve that are no result."""

Columns = Mapping[str, list[float | None]]
Figures = Mapping[str, float]


def difference(one: Store, other: Store) -> float:
    """Returns the largest relative difference of any figure of any run's curve and of any evaluation's metrics.

    Raises:
        AssertionError: they have other runs, conflicts or damaged records.
    """
    stores = (one, other)
    ids = [recorded(store) for store in stores]
    assert ids[0] == ids[1], "the same runs"
    curves = max((_of_columns(*(_columns(store, run_id) for store in stores)) for run_id in ids[0]), default=0.0)
    metrics = [{one.evaluation_id: one.metrics for one in store.evaluation_records(views=True)} for store in stores]
    assert metrics[0].keys() == metrics[1].keys(), "the same evaluations"
    evaluations = max(
        (_of_figures(values, metrics[1][identity]) for identity, values in metrics[0].items()), default=0.0
    )
    assert not any(store.conflicts() or store.problems() for store in stores)
    return max(curves, evaluations)


def recorded(store: Store) -> set[str]:
    """Returns the ids of all runs that are done; attempts that failed have ids of their own."""
    return {run["run_id"] for run in store.runs(["run_id", "status"]).to_pylist() if run["status"] != "failed"}


def _columns(store: Store, run_id: str) -> Columns:
    curve = store.curve(run_id)
    names = () if curve is None else set(curve.column_names) - set(VOLATILE)
    return {name: curve[name].to_pylist() for name in names} if curve is not None else {}


def _of_columns(one: Columns, other: Columns) -> float:
    assert one.keys() == other.keys(), "the same columns"
    for name, values in one.items():
        assert len(values) == len(other[name]), "the same epochs"
    return max((relative(a, b) for name in one for a, b in zip(one[name], other[name], strict=True)), default=0.0)


def _of_figures(one: Figures, other: Figures) -> float:
    assert one.keys() == other.keys(), "the same figures"
    return max((relative(value, other[name]) for name, value in one.items()), default=0.0)


def relative(a: float | None, b: float | None) -> float:
    """Returns the relative difference of two figures; a figure and none, or and not-a-number, differ wholly."""
    if a is None or b is None:
        return 0.0 if a is b else 1.0
    if math.isnan(a) or math.isnan(b):
        return 0.0 if math.isnan(a) and math.isnan(b) else 1.0
    return 0.0 if a == b else abs(a - b) / max(abs(a), abs(b))
