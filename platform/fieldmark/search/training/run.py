"""Does one run, in one process or as one of several workers, and records it: the record itself last.

Killed at any instant it leaves nothing half-written: what is there is complete, and the same run goes on from its
checkpoint to the same end.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.search.checkpoints import RunCheckpoints
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.provenance import provenance
from fieldmark.search.tasks import Task
from fieldmark.search.training.plan import config_of
from fieldmark.search.trial import curve_table, evaluation_record, log_text, tune_metrics
from fieldmark.store.faults import fault_point
from fieldmark.store.records import Cost, RunRecord
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.workers import Workers

if TYPE_CHECKING:
    from torch import Tensor

    from fieldmark.store import Store
    from fieldmark.training.classifier.fit import FittedClassifier
    from fieldmark.training.evaluation import Evaluated

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
    weights_file: str | None = None
    keep_weights: bool = True


def do_run(task: Task, data: ImageExperiment, store: "Store", how: Circumstances, *, start: str | None) -> None:
    """Does a run and records it, unless it is recorded; every worker of a group calls it.

    Args:
        task: the run.
        data: arrays and pictures.
        store: where checkpoints, weights and records go.
        how: workers, device and the like.
        start: the image-only run whose weights the model starts from.

    Raises:
        CutOff: the run was asked to stop; its checkpoint stays.
        UserError: settings that do not fit the data or each other.
    """
    if not how.workers.on_first(lambda: _is_recorded(store, task.run_id)):
        how.on_run(task)
        _Run(task, data, store, how).do(None if start is None else stored_state(store, start))


def stored_state(store: "Store", run_id: str) -> "dict[str, Tensor]":
    """Returns the state dict of a recorded run's model.

    Raises:
        UserError: its weights were not kept.
    """
    from safetensors.torch import load

    from fieldmark.errors import UserError

    data = store.weights(run_id)
    if data is None:
        raise UserError(f"run {run_id}: its weights were not kept, so no model can start from them")
    found: dict[str, Tensor] = load(data)
    return found


def _is_recorded(store: "Store", run_id: str) -> bool:
    recorded = store.has_run(run_id)
    if recorded:
        store.checkpoints(run_id).clear()  # of one who was killed right after the record
    return recorded


class _Run:
    """The state of a run that is being done."""

    def __init__(self, task: Task, data: ImageExperiment, store: "Store", how: Circumstances) -> None:
        self._task = task
        self._data = data
        self._store = store
        self._how = how
        self._checkpoints = RunCheckpoints(store.checkpoints(task.run_id), how.keep_going)

    def do(self, start: "dict[str, Tensor] | None") -> None:
        from fieldmark.training.classifier.fit import fit_classifier

        started = time.time()
        task, how = self._task, self._how
        fitted = fit_classifier(
            config_of(task),
            self._data,
            task.spec.seed,
            report=self._report,
            checkpoints=self._checkpoints,
            workers=how.workers,
            execution=how.execution,
            start=start,
            weights_file=how.weights_file,
        )
        fault_point("train.fitted")
        evaluated = fitted.evaluate(self._data, how.workers)
        cost = self._cost()
        # All wait for the record: the next run may start from this one's weights.
        how.workers.on_first(lambda: self._record(fitted, evaluated, cost, started))

    def _record(self, fitted: "FittedClassifier", evaluated: "list[Evaluated]", cost: Cost, started: float) -> None:
        fault_point("train.evaluated")
        for one in evaluated:
            record = evaluation_record(self._task, one, fitted.parameters, cost.seconds)
            self._store.commit_evaluation(record, predictions=one.predictions)
        if self._how.keep_weights:
            self._store.put_weights(self._task.run_id, _weights(fitted))
        run = self._run_record(fitted, evaluated, cost, started)
        self._store.append_log(run.run_id, log_text(run, self._checkpoints.rows))
        self._store.commit_run(run, curve=curve_table(self._checkpoints.rows))
        self._checkpoints.clear()

    def _run_record(
        self, fitted: "FittedClassifier", evaluated: "list[Evaluated]", cost: Cost, started: float
    ) -> RunRecord:
        from fieldmark.models.describe import describe_classifier

        task = self._task
        described = describe_classifier(config_of(task), len(self._data.categories))
        where = provenance(started, time.time())
        return RunRecord(
            run_id=task.run_id,
            spec=task.spec,
            scale=task.scale,
            status="completed",
            metrics=tune_metrics(evaluated, task.objective.score),
            parameters=fitted.parameters,
            multiply_adds=described.multiply_adds,
            epochs=len(self._checkpoints.rows),
            trial=task.trial,
            cost=cost,
            provenance=where.model_copy(update={"device": self._how.execution.device}),
        )

    def _report(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        self._checkpoints.rows.append({"epoch": epoch, **metrics})
        fault_point("train.epoch")
        return True

    def _cost(self) -> Cost:
        """Returns wall clock, and the processor time and memory of all workers."""
        own = self._checkpoints.stopwatch.cost()
        costs = self._how.workers.gather(own) or [own]
        on_gpu = self._how.execution.device.startswith("cuda")
        return Cost(
            seconds=own.seconds,
            cpu_seconds=sum(cost.cpu_seconds for cost in costs),
            gpu_seconds=own.seconds * len(costs) if on_gpu else 0.0,
            peak_memory_bytes=sum(cost.peak_memory_bytes for cost in costs),
        )


def _weights(fitted: "FittedClassifier") -> bytes:
    from safetensors.torch import save

    state = {name: value.detach().cpu().clone().contiguous() for name, value in fitted.model.state_dict().items()}
    data: bytes = save(state)
    return data
