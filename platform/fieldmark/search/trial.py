"""Does one run: fits, evaluates and writes the records itself, evaluations first, the run's record last.

Killed at any instant it leaves nothing half-written: what is there is complete, and doing the rest again gives the same
numbers. An exception is recorded as a failed attempt under an id of its own, so that the run itself stays to be done.
"""

import os
import time
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fieldmark.config import digest
from fieldmark.data.experiment import ExperimentData
from fieldmark.search.asha import Rungs
from fieldmark.search.checkpoints import RunCheckpoints
from fieldmark.search.interruption import CutOff, KeepGoing
from fieldmark.search.out_of_memory import kind_of
from fieldmark.search.provenance import provenance
from fieldmark.search.stopwatch import Start
from fieldmark.search.tasks import Outcome, Task
from fieldmark.store.evaluated import evaluation_record
from fieldmark.store.faults import fault_point
from fieldmark.store.records import Cost, RunRecord, stopped_id

if TYPE_CHECKING:
    import pyarrow as pa

    from fieldmark.store import Store
    from fieldmark.training.evaluation import Evaluated

OnEpoch = Callable[[int], None]

FAULT_POINTS = ("trial.fitted", "trial.evaluated")
"""Fault points beside the store's own, between two steps of a run."""


def run_trial(
    task: Task,
    data: ExperimentData,
    store: "Store",
    *,
    keep_going: KeepGoing = lambda: True,
    on_epoch: OnEpoch = lambda _: None,
) -> Outcome:
    """Does a run unless it is recorded, and says how it ended.

    Args:
        task: the run.
        data: the arrays.
        store: where checkpoints, log and records go.
        keep_going: asked between epochs.
        on_epoch: told the number of finished epochs.

    Raises:
        CutOff: the run was asked to stop; its checkpoint stays.
    """
    if store.has_run(task.run_id) or store.has_run(stopped_id(task.run_id, task.trial.sweep)):
        return Outcome(run_id=task.run_id, kind="recorded")
    started = Start.now()
    try:
        _Run(task, data, store, keep_going, on_epoch).do(started.wall)
    except CutOff:
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        record_failure(store, task, message, started, traceback.format_exc())
        return Outcome(run_id=task.run_id, kind=kind_of(error), message=message)
    return Outcome(run_id=task.run_id, kind="recorded")


def record_failure(store: "Store", task: Task, message: str, started: Start, log: str = "") -> str:
    """Records an attempt that failed, and returns its own id; the run's id stays free for the next attempt."""
    attempt = digest({"attempt_at": task.run_id, "started": started.wall, "process": os.getpid()})
    store.append_log(attempt, log or message)
    record = RunRecord(
        run_id=attempt,
        spec=task.spec,
        scale=task.scale,
        status="failed",
        message=message,
        trial=task.trial,
        cost=Cost(seconds=started.seconds),
        provenance=provenance(started.wall, time.time()),
    )
    store.commit_run(record)
    return attempt


class _Run:
    """The state of a run that is being done."""

    def __init__(
        self, task: Task, data: ExperimentData, store: "Store", keep_going: KeepGoing, on_epoch: OnEpoch
    ) -> None:
        self._task = task
        self._data = data
        self._store = store
        self._keep_going = keep_going
        self._on_epoch = on_epoch
        self._checkpoints = RunCheckpoints(store.checkpoints(task.run_id), keep_going)
        self._stopped = False
        self._asked_to_stop = False

    def do(self, started: float) -> None:
        from fieldmark.training.evaluation import evaluate
        from fieldmark.training.methods import fit

        task = self._task
        prior = fit(task.spec.config, self._data, task.spec.seed, report=self._report, checkpoints=self._checkpoints)
        fault_point("trial.fitted")
        parameters = int(getattr(prior, "parameters", 0))
        evaluated = [] if self._stopped else evaluate(prior, self._data)
        fault_point("trial.evaluated")
        for one in evaluated:
            record = evaluation_record(task, one, parameters, self._checkpoints.stopwatch.cost().seconds)
            self._store.commit_evaluation(record, predictions=one.predictions)
        self._record(evaluated, parameters, started)
        self._checkpoints.clear()

    def _record(self, evaluated: "list[Evaluated]", parameters: int, started: float) -> None:
        rows = self._checkpoints.rows
        task = self._task
        record = RunRecord(
            run_id=stopped_id(task.run_id, task.trial.sweep) if self._stopped else task.run_id,
            spec=self._task.spec,
            scale=self._task.scale,
            status="stopped" if self._stopped else "completed",
            message=f"stopped early after {len(rows)} epochs" if self._stopped else "",
            metrics=_metrics(rows[-1]) if self._stopped else tune_metrics(evaluated, self._task.objective.score),
            parameters=parameters,
            epochs=len(rows),
            trial=self._task.trial,
            cost=self._checkpoints.stopwatch.cost(),
            provenance=provenance(started, time.time()),
        )
        self._store.append_log(record.run_id, log_text(record, rows))
        self._store.commit_run(record, curve=curve_table(rows))

    def _report(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        self._checkpoints.rows.append({"epoch": epoch, **metrics})
        self._on_epoch(epoch)
        if self._asked_to_stop:  # the method had its chance to save
            raise CutOff
        self._asked_to_stop = not self._keep_going()
        value = self._task.objective.of(metrics)
        if self._task.early_stopping and value is not None:
            rungs = Rungs(self._store, self._task.trial.sweep, self._task.objective)
            self._stopped = not rungs.decide(self._task.run_id, epoch, value)
        return not self._stopped


def tune_metrics(evaluated: "list[Evaluated]", score: str) -> dict[str, float]:
    """Returns the metrics of a score on tune; of the only score, where there is but one."""
    on_tune = {one.score: one.metrics for one in evaluated if one.split == "tune"}
    if score not in on_tune and len(on_tune) == 1:
        return next(iter(on_tune.values()))
    return on_tune.get(score, {})


def curve_table(rows: list[dict[str, float]]) -> "pa.Table | None":
    """Returns the curve, one row an epoch, or None for a method without epochs."""
    import pyarrow as pa

    if not rows:
        return None
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table(
        {
            name: pa.array([row.get(name) for row in rows], pa.int32() if name == "epoch" else pa.float64())
            for name in names
        }
    )


def log_text(record: RunRecord, rows: list[dict[str, float]]) -> str:
    """Returns what a run's log says: when it started, a line an epoch, and how it ended."""
    lines = [f"run {record.run_id}, started {time.strftime('%F %T', time.localtime(record.provenance.started))}"]
    lines += [" ".join(f"{name}={value:.6g}" for name, value in row.items()) for row in rows]
    end = " ".join(f"{name}={value:.6g}" for name, value in record.metrics.items())
    lines.append(f"{record.status} on {record.provenance.host} after {record.cost.seconds:.1f} s; tune: {end}")
    return "\n".join(lines) + "\n"


def _metrics(row: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name not in ("epoch", "loss")}
