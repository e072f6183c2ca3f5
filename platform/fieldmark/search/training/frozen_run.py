"""Does one run of a fusion on cached features of a frozen image-only model, and records it."""

from typing import TYPE_CHECKING

from fieldmark.config import IMAGE_MODEL, FrozenConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.search.tasks import Task
from fieldmark.search.training.feature_stage import stored_features
from fieldmark.search.training.recording import Circumstances, Recording
from fieldmark.search.training.run import is_recorded, stored_state

if TYPE_CHECKING:
    from fieldmark.store import Store
    from fieldmark.training.classifier.fit import FittedClassifier
    from fieldmark.training.interfaces import Checkpoints, Report


def do_frozen_run(task: Task, data: ImageExperiment, store: "Store", how: Circumstances) -> None:
    """Does a run of method `frozen` and records it, unless it is recorded.

    Its cost is that of the fusion's own training; what the features took stands in their stage, which many runs share.

    Args:
        task: the run; its stage `IMAGE_MODEL` is a recorded image-only run whose weights were kept.
        data: arrays and pictures.
        store: where features, checkpoints, weights and records go.
        how: device and the like; there is one worker.

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
    features = stored_features(task, data, store, how, start)

    def fit(report: "Report", checkpoints: "Checkpoints") -> "FittedClassifier":
        return fit_frozen(
            config,
            data,
            features,
            task.spec.seed,
            report=report,
            start=start,
            checkpoints=checkpoints,
            execution=how.execution,
        )

    Recording(task, data, store, how).do(fit)
