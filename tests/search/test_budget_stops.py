"""A sweep that is asked to stop, by a signal or by its budget, goes on from its checkpoints."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from fieldmark.cli.main import run
from fieldmark.search.budget.limits import BudgetLimit
from fieldmark.search.options import SweepOptions, sweep_options
from fieldmark.search.preparation import Preparation
from fieldmark.search.result import SweepResult
from fieldmark.search.sweep import sweep_priorsnet
from fieldmark.search.trial import _Run
from fieldmark.store import Store


@pytest.fixture
def flags(records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fieldmark.cli.sweep._write_page", lambda *_: None)
    return ["sweep", "priorsnet", "--data", f"table:{records}", "--trials", "0", "--seeds", "1", "--executor", "local"]


def in_the_first_epoch(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Does something once, after the first epoch of the first run that has epochs."""
    report, done = _Run._report, []

    def reported(self: _Run, epoch: int, metrics: dict[str, float]) -> bool:
        if not done:
            done.append(1)
            action()
        return report(self, epoch, metrics)

    monkeypatch.setattr(_Run, "_report", reported)


def metrics(store: str) -> dict[str, float]:
    rows = Store.open(store).evaluations(["evaluation_id", "top1"]).to_pylist()
    return {row["evaluation_id"]: row["top1"] for row in rows}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_has_the_run_under_way_saved_and_says_how_to_go_on(
    flags: list[str],
    number: signal.Signals,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        in_the_first_epoch(patch, lambda: signal.raise_signal(number))
        assert run([*flags, "--json"]) == code
    assert signal.getsignal(number) == before
    said = capsys.readouterr().err
    assert "1 cut off. Go on with: " in said and "failed" not in said.replace("0 failed", "")
    store = Store.open("runs")
    assert len(store.list("checkpoints")) == 1, "the run's state after its first epoch"
    if number == signal.SIGINT:
        return
    assert run([*flags, "--json"]) == 0
    assert run([*flags, "--json", "--store", "whole"]) == 0
    assert metrics("runs") == metrics("whole"), "the undisturbed sweep's figures to the last digit"
    assert store.list("checkpoints") == []


def test_sigterm_before_any_run_ends_the_command_alike(flags: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Preparation, "references", lambda self: signal.raise_signal(signal.SIGTERM))
    assert run([*flags, "--json"]) == 143


def test_at_the_limit_the_run_under_way_is_stopped_at_its_checkpoint_where_that_is_asked_for(
    records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []
    monkeypatch.setattr(BudgetLimit, "reached", lambda self, scheduler: "".join(reached))
    options: SweepOptions = sweep_options(
        data=f"table:{records}", trials=0, seeds=1, executor="local", store=str(tmp_path / "runs")
    )
    with monkeypatch.context() as patch:
        in_the_first_epoch(patch, lambda: reached.append("the budget of 1cpuh is spent"))
        result = sweep_priorsnet(options.model_copy(update={"budget": "1cpuh", "at_limit": "stop"}))
    assert isinstance(result, SweepResult) and result.limit is not None
    assert (result.interrupted, result.failed_runs, len(result.cut_off)) == (False, 0, 1)
    assert result.limit.cut_off == tuple(result.cut_off)
    assert result.limit.reason == "the budget of 1cpuh is spent"
    assert len(Store.open(options.store).list("checkpoints")) == 1
    ended = sweep_priorsnet(options)
    assert isinstance(ended, SweepResult)
    assert (ended.limit, ended.cut_off, ended.new_runs + ended.done_runs) == (None, [], ended.planned_runs)
