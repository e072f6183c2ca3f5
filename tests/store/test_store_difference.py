"""What tells two stores apart must not overlook a missing epoch, a missing figure or a figure that is none."""

import math

import pytest

from fieldmark.store import Store
from fieldmark.testing.faults.difference import difference, relative
from fieldmark.testing.store import sample_run


def stored(epochs: list[float]) -> Store:
    import pyarrow as pa

    store = Store.open("memory://")
    curve = pa.table({"epoch": pa.array(range(1, len(epochs) + 1), pa.int32()), "loss": pa.array(epochs)})
    store.commit_run(sample_run(1), curve=curve)
    return store


def test_equal_stores_do_not_differ_and_a_figure_that_changed_tells_by_how_much() -> None:
    assert difference(stored([2.0, 1.0]), stored([2.0, 1.0])) == 0.0
    assert difference(stored([2.0, 1.0]), stored([2.0, 0.5])) == pytest.approx(0.5)


def test_an_epoch_that_is_missing_is_no_equality() -> None:
    with pytest.raises(AssertionError, match="the same epochs"):
        difference(stored([2.0, 1.0]), stored([2.0]))


def test_not_a_number_on_one_side_differs_wholly() -> None:
    assert relative(math.nan, 1.0) == relative(1.0, math.nan) == relative(None, 1.0) == 1.0
    assert relative(math.nan, math.nan) == relative(None, None) == 0.0
    assert difference(stored([2.0, math.nan]), stored([2.0, 1.0])) == 1.0


def test_attempts_that_failed_are_no_runs() -> None:
    store = stored([2.0, 1.0])
    store.commit_run(sample_run(2).model_copy(update={"status": "failed"}))
    assert difference(stored([2.0, 1.0]), store) == 0.0
