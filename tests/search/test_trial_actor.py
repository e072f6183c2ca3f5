"""What Tune does with an actor, and what the actor does with units."""

import json
from typing import Any

import pytest

from fieldmark.search.executors import trainable
from fieldmark.search.executors.trainable import TrialActor
from fieldmark.search.tasks import Outcome


class Bench:
    """Notes what it is asked to do."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def parse(self, text: str) -> str:
        return text

    def do(self, unit: str, **how: object) -> Outcome:
        self.done.append(unit)
        return Outcome(run_id=unit, kind="recorded")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(trainable, "own_place", lambda: ("node", 1))
    monkeypatch.setattr(trainable, "open_here", lambda _: None)
    return Bench()


def actor_with(bench: Bench, unit: str) -> TrialActor:
    actor = TrialActor.__new__(TrialActor)
    actor.setup(config(unit), maker=lambda _: bench)
    return actor


def config(unit: str) -> dict[str, Any]:
    return {"run_id": unit, "unit": unit}


def test_an_actor_that_is_dropped_before_its_first_step_has_done_nothing(bench: Bench) -> None:
    actor = actor_with(bench, "a")
    actor.cleanup()
    assert bench.done == []


def test_an_actor_that_is_reused_does_one_unit_after_the_other(bench: Bench) -> None:
    actor = actor_with(bench, "a")
    steps = [actor.step()]
    assert actor.reset_config(config("b"))
    steps += [actor.step(), actor.step()]
    assert bench.done == ["a", "b"]
    assert [json.loads(step["outcome"])["run_id"] for step in steps] == ["a", "b", "b"]
