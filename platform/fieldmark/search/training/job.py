"""What travels to whoever trains: the runs, and how they are done."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.errors import UserError
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.tasks import Task

if TYPE_CHECKING:
    from fieldmark.store import Store
    from fieldmark.training.classifier.execution import StepInfo
    from fieldmark.training.classifier.workers import Workers

OnRun = Callable[[Task], None]
OnStep = Callable[["StepInfo"], None]
OnEpoch = Callable[[int, Mapping[str, float]], None]

BETWEEN_STEPS = 0.5
"""Seconds between two signs of life."""


class Extension(BaseModel):
    """A user's file, by its text."""

    model_config = ConfigDict(frozen=True)

    file: str
    text: str


class Job(BaseModel):
    """Runs to do one after another, in one process or by a group of workers."""

    model_config = ConfigDict(frozen=True)

    runs: tuple[Task, ...]
    main: str
    """The id of the run that starts from `start`."""
    start: str | None
    """An image-only run; it may be one of `runs`."""
    extensions: tuple[Extension, ...]
    threads: int
    """Of a worker."""
    loader_processes: int | None
    """See `loader_processes`."""
    compile: bool
    weights_file: str | None
    keep_weights: bool


def read_extensions(files: tuple[str, ...]) -> tuple[Extension, ...]:
    """Returns the files' texts.

    Raises:
        UserError: for one that cannot be read.
    """
    found = []
    for file in files:
        try:
            with open(file, encoding="utf-8") as stream:
                found.append(Extension(file=file, text=stream.read()))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--import {file}: {getattr(error, 'strerror', None) or error}") from None
    return tuple(found)


def load_extensions(extensions: tuple[Extension, ...]) -> None:
    """Runs the files, which register what they define.

    Raises:
        UserError: one cannot be run; says which line.
    """
    if extensions:
        from fieldmark.models.fusions.registry import load_extension

        for one in extensions:
            load_extension(one.text, one.file)


def do_job(
    job: Job,
    data: ImageExperiment,
    store: "Store",
    workers: "Workers",
    *,
    device: str,
    keep_going: KeepGoing,
    on_run: OnRun,
    on_step: OnStep,
    on_epoch: OnEpoch | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Does what is left of a job; every worker of a group calls it.

    Raises:
        CutOff: it was asked to stop.
        UserError: settings that do not fit.
    """
    import torch

    from fieldmark.search.training.frozen_run import do_frozen_run
    from fieldmark.search.training.run import Circumstances, do_run
    from fieldmark.training.classifier.execution import Execution

    torch.set_num_threads(job.threads)
    execution = Execution(
        device=device,
        loader_processes=loader_processes(job.loader_processes, device, job.threads),
        compile=job.compile,
        on_step=on_step,
        on_step_every=BETWEEN_STEPS,
        on_epoch=on_epoch,
        on_batch=keep_going,
    )
    for task in job.runs:
        is_main = task.run_id == job.main
        how = Circumstances(
            workers=workers,
            execution=execution,
            keep_going=keep_going,
            on_run=on_run,
            say=say,
            weights_file=job.weights_file,
            keep_weights=job.keep_weights or task.run_id == job.start,
        )
        if task.spec.config.method == "frozen":
            do_frozen_run(task, data, store, how)
        else:
            do_run(task, data, store, how, start=job.start if is_main else None)


def loader_processes(wanted: int | None, device: str, threads: int) -> int:
    """Returns how many processes prepare pictures for a worker.

    Args:
        wanted: as asked for; None: none on a CPU, whose threads train, and beside a GPU all threads but one.
        device: as torch names it.
        threads: of the worker.
    """
    if wanted is not None:
        return wanted
    return 0 if device == "cpu" else max(1, threads - 1)
