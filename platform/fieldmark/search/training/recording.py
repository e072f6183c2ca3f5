"""Records a run that is trained, in one process or as one of several workers: the record itself last.

Killed at any instant it leaves nothing half-written: what is there is complete, and the same run goes on from its
checkpoint to the same end.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.export.configuration import classifier_of
from fieldmark.search.asha import Rungs
from fieldmark.search.checkpoints import RunCheckpoints
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.provenance import device_name, provenance
from fieldmark.search.tasks import Task
from fieldmark.search.training.plan import config_of
from fieldmark.search.trial import curve_table, log_text, tune_metrics
from fieldmark.store.evaluated import evaluation_record
from fieldmark.store.faults import fault_point
from fieldmark.store.records import METRICS, Cost, RunRecord, stopped_id
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.workers import Workers
from fieldmark.training.interfaces import Checkpoints, Report

if TYPE_CHECKING:
    from fieldmark.store import Store
    from fieldmark.training.classifier.fit import FittedClassifier
    from fieldmark.training.evaluation import Evaluated

Fit = Callable[[Report, Checkpoints], "FittedClassifier"]
"""Trains, tells the first after every epoch, and keeps its state in the second."""

FAULT_POINTS = ("train.fitted", "train.evaluated", "train.epoch")
"""Fault points beside the store's own, between two steps of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """How a run is done without changing its numbers."""

    workers: Workers
    execution: Execution
    keep_going: KeepGoing = lambda: True
    """Asked on worker 0 after every step."""
    on_run: Callable[[Task], None] = lambda _: None
    """Told what is begun, or gone on with; not told of what is recorded."""
    say: Callable[[str], None] = lambda _: None
    """Told what a person should know of what takes long and is no training."""
    weights_file: str | None = None
    keep_weights: bool = True


class Recording:
    """A run that is being done, and recorded when it is."""

    def __init__(self, task: Task, data: ImageExperiment, store: "Store", how: Circumstances) -> None:
        """Reads the last checkpoint; the run's time is counted from here."""
        self._task = task
        self._data = data
        self._store = store
        self._how = how
        self._checkpoints = RunCheckpoints(store.checkpoints(task.run_id), how.keep_going)
        self._stopped = False
        self._on_gpu = how.execution.device.startswith("cuda")
        if self._on_gpu:
            _forget_gpu_memory()

    def do(self, fit: Fit) -> None:
        """Trains, evaluates and records; every worker of a group calls it.

        A run that its sweep stops early is not evaluated, and recorded under an id of its own.
        """
        started = time.time()
        fitted = fit(self._report, self._checkpoints)
        fault_point("train.fitted")
        stopped = self._how.workers.on_first(lambda: self._stopped)  # worker 0 alone hears the reports
        evaluated = [] if stopped else fitted.evaluate(self._data, self._how.workers)
        cost = self._cost()
        # All wait for the record: the next run may start from this one's weights.
        self._how.workers.on_first(lambda: self._record(fitted, evaluated, cost, started))

    def _record(self, fitted: "FittedClassifier", evaluated: "list[Evaluated]", cost: Cost, started: float) -> None:
        fault_point("train.evaluated")
        for one in evaluated:
            record = evaluation_record(self._task, one, fitted.parameters, cost.seconds)
            self._store.commit_evaluation(record, predictions=one.predictions)
        if self._how.keep_weights and not self._stopped:
            self._store.put_weights(self._task.run_id, _weights(fitted))
        run = self._run_record(fitted, evaluated, cost, started)
        self._store.append_log(run.run_id, log_text(run, self._checkpoints.rows))
        self._store.commit_run(run, curve=curve_table(self._checkpoints.rows))
        self._checkpoints.clear()

    def _run_record(
        self, fitted: "FittedClassifier", evaluated: "list[Evaluated]", cost: Cost, started: float
    ) -> RunRecord:
        from fieldmark.models.describe import describe_classifier

        task, rows = self._task, self._checkpoints.rows
        described = describe_classifier(classifier_of(config_of(task)), len(self._data.categories))
        where = provenance(started, time.time())
        return RunRecord(
            run_id=stopped_id(task.run_id, task.trial.sweep) if self._stopped else task.run_id,
            spec=task.spec,
            scale=task.scale,
            status="stopped" if self._stopped else "completed",
            message=f"stopped early after {len(rows)} epochs" if self._stopped else "",
            metrics=_on_tune(rows[-1]) if self._stopped else tune_metrics(evaluated, task.objective.score),
            parameters=fitted.parameters,
            multiply_adds=described.multiply_adds,
            epochs=len(rows),
            trial=task.trial,
            cost=cost,
            provenance=where.model_copy(update={"device": device_name(self._how.execution.device)}),
        )

    def _report(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        self._checkpoints.rows.append({"epoch": epoch, **metrics})
        fault_point("train.epoch")
        task = self._task
        value = task.objective.of(metrics)
        if task.early_stopping and value is not None:
            self._stopped = not Rungs(self._store, task.trial.sweep, task.objective).decide(task.run_id, epoch, value)
        return not self._stopped

    def _cost(self) -> Cost:
        """Returns wall clock, and the processor time and memory of all workers."""
        own = self._checkpoints.stopwatch.cost()
        if self._on_gpu:
            own = own.model_copy(update={"peak_gpu_memory_bytes": _peak_gpu_memory()})
        costs = self._how.workers.gather(own) or [own]
        return Cost(
            seconds=own.seconds,
            cpu_seconds=sum(cost.cpu_seconds for cost in costs),
            gpu_seconds=own.seconds * len(costs) if self._on_gpu else 0.0,
            peak_memory_bytes=sum(cost.peak_memory_bytes for cost in costs),
            peak_gpu_memory_bytes=max(cost.peak_gpu_memory_bytes for cost in costs),
        )


def _forget_gpu_memory() -> None:
    """Lets go of what earlier runs of this process have left reserved, so that it is not counted as this one's."""
    import torch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def _peak_gpu_memory() -> int:
    import torch

    return int(torch.cuda.max_memory_reserved())


def _on_tune(row: Mapping[str, float]) -> dict[str, float]:
    return {name: row[name] for name in METRICS if name in row}


def _weights(fitted: "FittedClassifier") -> bytes:
    from safetensors.torch import save

    state = {name: value.detach().cpu().clone().contiguous() for name, value in fitted.model.state_dict().items()}
    data: bytes = save(state)
    return data
