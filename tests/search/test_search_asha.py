"""Early stopping decides by what is stored, and decides once."""

import random

from hypothesis import given
from hypothesis import strategies as st

from fieldmark.search.asha import RUNGS, Rungs, survives
from fieldmark.search.objective import Objective
from fieldmark.store import Store

UP = Objective(score="product_raw", metric="top1")
DOWN = Objective(score="prior_calibrated", metric="log_loss")


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0, 1))
def test_the_best_so_far_always_goes_on(others: list[float], value: float) -> None:
    if value >= max(others, default=0):
        assert survives(value, others)


@given(st.lists(st.floats(0, 1), max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_better_value_is_never_worse_off(others: list[float], value: float, more: float) -> None:
    assert survives(max(value, more), others) >= survives(value, others)


def test_about_a_third_of_many_goes_on() -> None:
    draw = random.Random(0)
    values: list[float] = []
    went_on = 0
    for _ in range(600):
        value = draw.random()
        went_on += survives(value, values)
        values.append(value)
    assert 0.28 < went_on / 600 < 0.40


def test_a_decision_is_made_once_whatever_comes_later() -> None:
    store = Store.open("memory://")
    rungs = Rungs(store, "sweep", UP)
    first = [rungs.decide(f"run{n}", RUNGS[0], 0.1 * n) for n in range(6)]
    again = [Rungs(store, "sweep", UP).decide(f"run{n}", RUNGS[0], 0.1 * n) for n in reversed(range(6))]
    assert first == list(reversed(again))


def test_between_rungs_every_run_goes_on_and_leaves_nothing() -> None:
    store = Store.open("memory://")
    assert all(Rungs(store, "sweep", UP).decide("run", epoch, 0.0) for epoch in (1, 2, 4, 8, 10, 30))
    assert not store.list("sweeps")


def test_a_low_log_loss_is_good() -> None:
    rungs = Rungs(Store.open("memory://"), "sweep", DOWN)
    for n in range(5):
        rungs.decide(f"run{n}", 3, 1.0 + n)
    assert rungs.decide("good", 3, 0.5)
    assert not rungs.decide("poor", 3, 9.0)


def test_two_sweeps_have_rungs_of_their_own() -> None:
    store = Store.open("memory://")
    for n in range(5):
        Rungs(store, "one", UP).decide(f"run{n}", 3, 0.9)
    assert Rungs(store, "two", UP).decide("run", 3, 0.1)
