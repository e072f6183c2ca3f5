"""Units of one process and of several workers never run at the same time, and none is forgotten."""

import random

import pytest

from fieldmark.errors import UserError
from fieldmark.search.drive import drive
from fieldmark.search.executors.routed import RoutedExecutor, wants_group
from fieldmark.search.tasks import Outcome
from fieldmark.testing.image_units import image_unit


class Fake:
    """An executor that ends one unit a poll."""

    def __init__(self, kind, capacity, log):
        self.kind, self.capacity, self.log, self.units = kind, capacity, log, []
        log.append((kind, "made"))

    def start(self, unit):
        self.units.append(unit)
        assert len(self.units) <= self.capacity
        assert wants_group(unit) == (self.kind == "groups")

    def poll(self, timeout):
        if not self.units:
            return []
        unit = self.units.pop(0)
        self.log.append((self.kind, unit.run_id))
        return [Outcome(run_id=unit.run_id, kind="recorded")]

    def epochs(self):
        return {unit.run_id: 1 for unit in self.units}

    def stop(self):
        self.log.append((self.kind, "stopped"))


class Row:
    """Units in order."""

    def __init__(self, units):
        self.left, self.running, self.told = list(units), [], []

    def next(self):
        if self.left:
            self.running.append(self.left.pop(0))
            return self.running[-1]
        return None

    def tell(self, outcome):
        self.running = [unit for unit in self.running if unit.run_id != outcome.run_id]
        self.told.append(outcome.run_id)


def routed(log, capacity=2):
    return RoutedExecutor(lambda: Fake("alone", capacity, log), lambda: Fake("groups", 1, log))


@pytest.mark.parametrize("seed", range(8))
def test_every_unit_ends_once_and_one_executor_is_there_at_a_time(seed):
    kinds = random.Random(seed).choices((1, 2), k=10)
    units = [image_unit(seed=number, workers=workers) for number, workers in enumerate(kinds)]
    log, row = [], Row(units)
    executor = routed(log)
    drive(row, executor, lambda *_: None)
    executor.stop()
    assert sorted(row.told) == sorted(unit.run_id for unit in units)
    lives = [entry for entry in log if entry[1] in ("made", "stopped")]
    assert all(
        one[1] == "made" and other == (one[0], "stopped") for one, other in zip(lives[::2], lives[1::2], strict=True)
    )


def test_a_unit_that_waits_for_the_other_kind_does_not_slow_down_its_own():
    log, units = [], [image_unit(seed=number, workers=2 if number == 1 else 1) for number in range(6)]
    row = Row(units)
    executor = routed(log)
    drive(row, executor, lambda *_: None)
    assert [kind for kind, what in log if what == "made"] == ["alone", "groups"], "one change"
    assert row.told[-1] == units[1].run_id


def test_features_that_are_cached_are_trained_on_by_one_process():
    start = image_unit().run_id
    assert wants_group(image_unit("dynamic_mlp_c", start=start, workers=2))
    assert not wants_group(image_unit("dynamic_mlp_c", start=start, workers=2, frozen=True))


def test_an_executor_that_cannot_be_made_is_an_error_and_not_a_wait():
    def refuse():
        raise UserError("room for 1")

    log = []
    executor = RoutedExecutor(lambda: Fake("alone", 2, log), refuse)
    executor.start(image_unit())
    executor.start(image_unit(seed=1, workers=2))
    assert len(executor.poll(0)) == 1
    with pytest.raises(UserError, match="room for 1"):
        executor.poll(0)
    executor.stop()
    assert log[-1] == ("alone", "stopped")
