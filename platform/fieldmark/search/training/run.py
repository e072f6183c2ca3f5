"""Does one run, in one process or as one of several workers, and records it."""

from typing import TYPE_CHECKING

from fieldmark.config import ClassifierConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.search.tasks import Task
from fieldmark.search.training.recording import FAULT_POINTS, Circumstances, Fit, Recording

if TYPE_CHECKING:
    from torch import Tensor

    from fieldmark.store import Store

__all__ = ["FAULT_POINTS", "Circumstances", "do_run", "is_recorded", "stored_state"]


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
    if not how.workers.on_first(lambda: is_recorded(store, task.run_id)):
        how.on_run(task)
        state = None if start is None else stored_state(store, start)
        Recording(task, data, store, how).do(_fit(task, data, how, state))


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


def is_recorded(store: "Store", run_id: str) -> bool:
    """Whether a run is recorded; a checkpoint that its driver had no time to delete is deleted then."""
    recorded = store.has_run(run_id)
    if recorded:
        store.checkpoints(run_id).clear()
    return recorded


def _fit(task: Task, data: ImageExperiment, how: Circumstances, start: "dict[str, Tensor] | None") -> Fit:
    from fieldmark.training.classifier.fit import fit_classifier

    config = task.spec.config
    assert isinstance(config, ClassifierConfig)
    return lambda report, checkpoints: fit_classifier(
        config,
        data,
        task.spec.seed,
        report=report,
        checkpoints=checkpoints,
        workers=how.workers,
        execution=how.execution,
        start=start,
        weights_file=how.weights_file,
    )
