"""Trains in this process, without Ray."""

import traceback
from typing import TYPE_CHECKING

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.errors import UserError
from fieldmark.search.interruption import CutOff, KeepGoing
from fieldmark.search.stopwatch import Start
from fieldmark.search.tasks import Task
from fieldmark.search.training.failed import TrainingFailed
from fieldmark.search.training.job import Job, do_job
from fieldmark.search.training.progress import TrainProgress
from fieldmark.search.trial import record_failure

if TYPE_CHECKING:
    from fieldmark.store import Store


def train_here(job: Job, data: ImageExperiment, store: "Store", progress: TrainProgress, keep_going: KeepGoing) -> None:
    """Does a job in this process.

    Raises:
        CutOff: it was asked to stop; the checkpoint stays.
        TrainingFailed: it raised; the attempt and its traceback are recorded.
        UserError: settings that do not fit.
    """
    import torch

    from fieldmark.training.classifier.workers import Workers

    started = Start.now()
    running: list[Task] = []

    def on_run(task: Task) -> None:
        running.append(task)
        progress.run(task)

    try:
        do_job(
            job,
            data,
            store,
            Workers(),
            device="cuda" if torch.cuda.is_available() else "cpu",
            keep_going=keep_going,
            on_run=on_run,
            on_step=progress.step,
            say=progress.say,
        )
    except (CutOff, UserError):
        raise
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        attempt = record_failure(
            store, running[-1] if running else job.runs[0], message, started, traceback.format_exc()
        )
        raise TrainingFailed(message, attempt) from error
