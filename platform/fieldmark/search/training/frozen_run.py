"""Does one run of a fusion on cached features of a frozen image-only model, and records it."""

from typing import TYPE_CHECKING

from fieldmark.config import IMAGE_MODEL, FrozenConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.search.tasks import Task
from fieldmark.search.training.feature_stage import stored_features
from fieldmark.search.training.kept import Kept
from fieldmark.search.training.recording import Circumstances, Recording
from fieldmark.search.training.run import is_recorded, stored_state

if TYPE_CHECKING:
    from fieldmark.store import Store
    from fieldmark.training.classifier.fit import FittedClassifier
    from fieldmark.training.frozen.features import Features
    from fieldmark.training.interfaces import Checkpoints, Report

READING = "feature_seconds"
"""Detail of a run's evaluations: seconds that reading its features took, none where an earlier run had read them."""


def do_frozen_run(
    task: Task, data: ImageExperiment, store: "Store", how: Circumstances, kept: "Kept[Features] | None" = None
) -> None:
    """Does a run of method `frozen` and records it, unless it is recorded.

    Its cost is that of the fusion's own training. What making the features took stands in their stage, which many runs
    share, and what reading them took in the details of the run's evaluations (`READING`).

    Args:
        task: the run; its stage `IMAGE_MODEL` is a recorded image-only run whose weights were kept.
        data: arrays and pictures.
        store: where features, checkpoints, weights and records go.
        how: device and the like; there is one worker.
        kept: features of earlier runs in this process.

    Raises:
        CutOff: the run was asked to stop; its checkpoint stays.
        UserError: settings that do not fit the data or each other, or weights that were not kept.
    """
    from fieldmark.training.frozen.fit import fit_frozen

    assert how.workers.size == 1, "a fusion on cached features is trained in one process"
    config = task.spec.config
    assert isinstance(config, FrozenConfig)
    if is_recorded(store, task.run_id):
        return
    how.on_run(task)
    start = stored_state(store, task.spec.stages[IMAGE_MODEL])
    features, reading = stored_features(task, data, store, how, start, kept)

    def fit(report: "Report", checkpoints: "Checkpoints") -> "FittedClassifier":
        fitted = fit_frozen(
            config,
            data,
            features,
            task.spec.seed,
            report=report,
            start=start,
            checkpoints=checkpoints,
            execution=how.execution,
        )
        fitted.details[READING] = reading
        return fitted

    Recording(task, data, store, how).do(fit)
