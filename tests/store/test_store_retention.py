"""Checkpoints within a budget: what goes first, what never goes, and what is said."""

import os

import pytest

from fieldmark.store import Store
from fieldmark.store.records import stopped_id
from fieldmark.store.retention import EVERY_S, Retention, checkpoints_in, in_bytes
from fieldmark.testing.store import sample_run

KB = 1000


class Sweep:
    """A sweep whose runs save 1 KB each, at a second of their own, and a look at them."""

    def __init__(self, store):
        self.store, self.now, self.lines = store, 0.0, []

    def save(self, *run_ids, kilobytes=1):
        for run_id in run_ids:
            self.store.checkpoints(run_id).save(bytes(kilobytes * KB))
            self.now += 1
            os.utime(f"{self.store.url}/checkpoints/{run_id}/state.bin", (self.now, self.now))

    def retention(self, budget, sweep="s1"):
        return Retention(self.store, budget, sweep=sweep, say=self.lines.append, clock=lambda: self.now)

    def look(self, retention, *under_way):
        self.now += EVERY_S
        return [(one.run_id, one.reason) for one in retention.look(under_way)]

    def left(self):
        return sorted(one.run_id for one in checkpoints_in(self.store))


@pytest.fixture
def sweep(tmp_path):
    return Sweep(Store.open(str(tmp_path / "store")))


def test_the_oldest_of_those_not_under_way_go_until_it_fits(sweep):
    retention = sweep.retention(3 * KB)
    sweep.look(retention, "a", "b", "c", "d", "e")
    sweep.save("a", "b", "c", "d", "e")
    assert sweep.look(retention, "a", "e") == [("b", "oldest"), ("c", "oldest")]
    assert sweep.left() == ["a", "d", "e"]
    assert sweep.lines == [
        f"checkpoint of run {run_id} freed (1.0 KB): it begins again at its first epoch" for run_id in "bc"
    ]


def test_recorded_runs_go_always_then_stopped_then_failed_then_the_oldest(sweep):
    recorded, stopped, failed = sample_run(0), sample_run(1), sample_run(2)
    sweep.store.commit_run(recorded)
    whole_id = stopped.run_id
    sweep.store.commit_run(stopped.model_copy(update={"run_id": stopped_id(whole_id, "s1"), "status": "stopped"}))
    sweep.store.commit_run(failed.model_copy(update={"run_id": "an-attempt", "status": "failed"}))
    sweep.look(sweep.retention(99 * KB), "old", failed.run_id, whole_id, recorded.run_id)
    sweep.save("old", failed.run_id, whole_id, recorded.run_id)
    assert [sweep.look(sweep.retention(budget)) for budget in (99 * KB, 2 * KB, KB, 1)] == [
        [(recorded.run_id, "recorded")],
        [(whole_id, "stopped")],
        [(failed.run_id, "failed")],
        [("old", "oldest")],
    ]
    assert len(sweep.lines) == 3, "a recorded run loses nothing, and nothing is said"


def test_what_is_under_way_is_never_freed_and_that_it_does_not_fit_is_said_once(sweep):
    retention = sweep.retention(1 * KB)
    sweep.look(retention, "a", "b")
    sweep.save("a", "b", kilobytes=40)
    assert sweep.look(retention, "a", "b") == sweep.look(retention, "a", "b") == []
    (line,) = sweep.lines
    assert "--checkpoint-budget 1.0 KB" in line and "80.0 KB" in line and "--max-concurrent" in line
    sweep.save("a")  # a save is never refused
    assert sweep.left() == ["a", "b"]


def test_other_sweeps_keep_theirs_and_a_later_command_knows_its_own(sweep):
    sweep.save("theirs", kilobytes=50)
    sweep.look(sweep.retention(1 * KB), "ours", "later")
    sweep.save("ours", "later")
    assert sweep.look(sweep.retention(1 * KB)) == [("ours", "oldest")]
    assert sweep.left() == ["later", "theirs"]
    assert sweep.look(sweep.retention(1, sweep="s2")) == []


def test_it_looks_now_and_then_only(sweep):
    retention = sweep.retention(0)
    sweep.look(retention, "a")
    sweep.save("a")
    assert retention.look([]) == []
    assert sweep.look(retention) == [("a", "oldest")]


def test_sizes_are_said():
    assert [in_bytes(n) for n in (0, 999, 1000, 2.5e9, 7e12)] == ["0 bytes", "999 bytes", "1.0 KB", "2.5 GB", "7.0 TB"]
