"""A sweep that was interrupted goes on after `fieldmark gc` as if it had not been there."""

from pathlib import Path

import pytest

from fieldmark.cli.gc import gc
from fieldmark.search.executors.local import LocalExecutor
from fieldmark.search.options import sweep_options
from fieldmark.search.sweep import sweep_priorsnet
from fieldmark.store import Store


def figures(url: str) -> dict[str, float]:
    rows = Store.open(url).evaluations(["evaluation_id", "log_loss"]).to_pylist()
    return {row["evaluation_id"]: row["log_loss"] for row in rows}


@pytest.mark.slow
def test_the_resumed_sweep_ends_like_an_undisturbed_one(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def options(name: str) -> object:
        return sweep_options(data=f"table:{records}", trials=1, seeds=1, executor="local", store=str(tmp_path / name))

    undisturbed = sweep_priorsnet(options("whole"))
    polls, poll = iter(range(1000)), LocalExecutor.poll

    def interrupted(self: LocalExecutor, timeout: float) -> object:
        if next(polls) == 2:
            raise KeyboardInterrupt
        return poll(self, timeout)

    with monkeypatch.context() as patch:
        patch.setattr(LocalExecutor, "poll", interrupted)
        assert sweep_priorsnet(options("cut")).interrupted
    store = Store.open(str(tmp_path / "cut"))
    recorded = store.runs(["run_id"])["run_id"].to_pylist()
    store.checkpoints(recorded[0]).save(b"of a trial that was killed right after its record")
    gc(store=store.url, stages=True, retracted=True)
    assert store.checkpoints(recorded[0]).load() is None
    resumed = sweep_priorsnet(options("cut"))
    assert resumed.best == undisturbed.best
    assert resumed.done_runs == len([one for one in recorded if one])
    assert figures(store.url) == pytest.approx(figures(str(tmp_path / "whole")))
