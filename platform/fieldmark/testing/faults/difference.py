"""How far two stores differ in what they tell."""

from fieldmark.store import Store

VOLATILE = ("images_per_second",)
"""Columns of a curve that are no result."""


def difference(one: Store, other: Store) -> float:
    """Returns the largest relative difference of any figure of any run's curve and of any evaluation's metrics.

    Raises:
        AssertionError: they have other runs, conflicts or damaged records.
    """
    stores = (one, other)
    ids = [sorted(store.runs(["run_id"])["run_id"].to_pylist()) for store in stores]
    assert ids[0] == ids[1], "the same runs"
    found = 0.0
    for run_id in ids[0]:
        curves = [store.curve(run_id) for store in stores]
        if curves[0] is None or curves[1] is None:
            assert curves[0] is curves[1], f"run {run_id}: one has a curve, the other none"
            continue
        columns = [{name: curve[name].to_pylist() for name in curve.column_names} for curve in curves if curve]
        for name in set(columns[0]) - set(VOLATILE):
            found = max(found, *map(relative, columns[0][name], columns[1][name]))
    metrics = [{one.evaluation_id: one.metrics for one in store.evaluation_records(views=True)} for store in stores]
    for identity, values in metrics[0].items():
        found = max(found, *(relative(value, metrics[1][identity][name]) for name, value in values.items()))
    assert not any(store.conflicts() or store.problems() for store in stores)
    return found


def relative(a: float | None, b: float | None) -> float:
    """Returns the relative difference of two figures; a figure and none differ wholly."""
    if a is None or b is None:
        return 0.0 if a is b else 1.0
    return 0.0 if a == b else abs(a - b) / max(abs(a), abs(b))
