"""Questions to the sampler in batches, and a history that is capped."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.search import asking, history
from fieldmark.search.history import batch_start, heard, history_notes
from fieldmark.search.plan import SweepPlan
from fieldmark.search.proposals import Proposals
from fieldmark.search.study import Told

Plan = Callable[..., SweepPlan]


@given(st.integers(0, 20_000))
def test_a_batch_is_a_64th_of_what_was_asked_before(k: int) -> None:
    start = batch_start(k)
    assert start <= k < start + min(64, max(1, start // 64))
    assert batch_start(start) == start
    if k < 128:
        assert start == k, "a small sweep asks one by one"


@given(st.lists(st.tuples(st.sampled_from(["complete", "pruned", "running", "failed"]), st.floats(0, 1)), max_size=80))
def test_a_sampler_hears_of_the_best_and_the_latest(trials: list[tuple[str, float]]) -> None:
    told = [
        Told(params={}, distributions={}, state=state, values=(value,), attributes={"number": number})
        for number, (state, value) in enumerate(trials)
    ]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"MOST_HEARD": 20, "BEST": 5, "MOST_RUNNING": 8}.items():
            patch.setattr(history, name, value)
        for direction, sign in {"maximize": 1, "minimize": -1}.items():
            found = heard(told, direction)
            if len(told) <= 20:
                assert found == told
                continue
            numbers = [one.attributes["number"] for one in found]
            assert len(found) <= 20 and numbers == sorted(numbers)
            running = [one.attributes["number"] for one in told if one.state == "running"]
            assert [number for number in numbers if told[number].state == "running"] == running[-8:]
            complete = [sign * one.values[0] for one in told if one.state == "complete"]
            got = [sign * one.values[0] for one in found if one.state == "complete"]
            assert sorted(complete)[-5:] == sorted(got)[-5:]
            ended = [one for one in told if one.state in ("complete", "pruned")]
            assert not ended or ended[-1] in found


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_AT_ONCE", 4)  # two at a time from question 8 on, three from 12, four from 15


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("kills", [(), (12,), (17, 1, 1), (20, 3), (23, 2, 1)])
def test_a_sweep_that_was_killed_within_a_batch_asks_as_an_unbroken_one(kills, new_bench, plan_of: Plan) -> None:
    plan = plan_of(trials=26, seeds=1)
    unbroken, broken = new_bench(), new_bench()
    unbroken.drive(plan)
    for after in kills:
        broken.drive(plan, kill_after=after)
    broken.drive(plan)
    assert broken.done == unbroken.done


@pytest.mark.usefixtures("small_batches")
def test_one_study_answers_a_batch(bench, plan_of: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    studies: list[int] = []

    class Counted(asking.Questions):
        def __init__(self, told: list[Told], directions: list[str]) -> None:
            studies.append(len(told))
            super().__init__(told, directions)

    monkeypatch.setattr(asking, "Questions", Counted)
    bench.drive(plan_of(trials=23, seeds=1))
    assert studies == [9 + k for k in (*range(8), 8, 10, 12, 15, 18, 22)]  # nine rows are told of before


def test_a_random_sampler_is_told_nothing(bench, plan_of: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Told] = []
    monkeypatch.setattr(asking.Questions, "hear", lambda _, one: told.append(one))
    monkeypatch.setattr(asking.Asking, "_told_before", lambda *_: pytest.fail("it was told something"))
    bench.drive(plan_of(trials=6, seeds=1, sampler="random"))
    assert not told
    assert not history_notes("random", 10_000)


def test_a_capped_history_is_recorded_and_said(bench, plan_of: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MOST_HEARD": 12, "BEST": 4, "MOST_RUNNING": 4}.items():
        monkeypatch.setattr(history, name, value)
    plan = plan_of(trials=6, seeds=1)
    bench.drive(plan)
    proposals = Proposals(bench.store, plan.sweep_id)
    assert [one.heard for one in proposals] == [None] * 4 + [12] * 2  # nine rows, then the proposals
    first = bench.store.get(f"sweeps/{plan.sweep_id}/proposals/000000.json")
    assert b"heard" not in first, "small sweeps are written as ever"
    assert "of 12, the 4 best" in history_notes("tpe", 13)[0]
    assert not history_notes("tpe", 12)
