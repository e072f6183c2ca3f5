"""What must hold when a sweep that was disturbed has come to its end."""

from collections.abc import Collection
from typing import Any

from fieldmark.search.ledger import Ledger
from fieldmark.search.plan import SweepPlan
from fieldmark.search.proposals import Proposals
from fieldmark.search.scheduler import Scheduler
from fieldmark.store import Store
from fieldmark.tables.compare import comparison_table
from fieldmark.tables.render import render
from fieldmark.testing.faults.difference import difference

NO_RESULT = ("seconds", "command", "plan", "cost", "notes")
"""Fields of a table as JSON that tell of times and places."""


def check_sweep(store: Store, sweep: str, undisturbed: Store | None = None) -> tuple[str, ...]:
    """Checks a sweep that has ended; returns what holds, in words.

    Args:
        store: of the sweep.
        sweep: its id.
        undisturbed: a store of the same sweep that nothing befell; where seeds fix everything (random sampler).

    Raises:
        AssertionError: something was lost, done twice, or differs.
    """
    found = [_every_planned_run_once(store, sweep), _every_epoch_once(store)]
    if undisturbed is not None:
        assert difference(undisturbed, store) == 0.0, "every figure of every run and evaluation is the same"
        assert table(store) == table(undisturbed), "the table is the same"
        found.append("runs, curves, evaluations and table equal those of the undisturbed sweep")
    return tuple(found)


def table(store: Store, name: str = "S2") -> Any:
    """Returns a table as JSON without what is no result."""
    import json

    return _results(json.loads(render(comparison_table(store, name), "json")))


def _every_planned_run_once(store: Store, sweep: str) -> str:
    plan = SweepPlan.model_validate(store.plan(sweep))
    card = plan.facts.card
    ledger = Ledger(store, card.fingerprint, card.protocol, plan.objective, sweep)
    scheduler = Scheduler(plan, ledger, Proposals(store, sweep))
    while (unit := scheduler.next()) is not None:  # the last question may be the confirmation's
        raise AssertionError(f"run {unit.run_id} is planned and not recorded")
    assert scheduler.planned == scheduler.recorded
    assert {one.state for one in scheduler.told()} <= {"complete"}, "the study has every trial"
    assert not store.conflicts(), "a run that was done twice gave the same numbers"
    assert not store.problems()
    return "every planned run is recorded exactly once"


def _every_epoch_once(store: Store) -> str:
    for run in store.runs(["run_id", "status", "method", "epochs"]).to_pylist():
        if run["status"] == "completed" and run["method"] == "priorsnet":
            curve = store.curve(run["run_id"])
            assert curve is not None, run
            assert curve["epoch"].to_pylist() == list(range(1, run["epochs"] + 1)), run
    return "every epoch of every run is in its curve, once"


def _results(value: Any, leave_out: Collection[str] = NO_RESULT) -> Any:
    if isinstance(value, dict):
        return {key: _results(one) for key, one in value.items() if key not in leave_out}
    return [_results(one) for one in value] if isinstance(value, list) else value
