"""What every Ray Train worker does: the same loop as in one process, beside the others."""

import time
import traceback
from collections.abc import Mapping
from typing import Any

from fieldmark.errors import UserError
from fieldmark.search.executors.ending import own_place
from fieldmark.search.executors.shared import open_here
from fieldmark.search.interruption import CutOff
from fieldmark.search.out_of_memory import is_out_of_memory, kind_of
from fieldmark.search.training.job import Job, do_job, load_extensions
from fieldmark.search.training.link import Failed, Link

FAREWELL = 60.0
"""Seconds after which a worker that was asked to stop ends by itself; the driver ends it before."""


def train_loop(config: dict[str, Any]) -> None:
    """Does a job as one worker of a group.

    Args:
        config: `job`; `store`, its URL; `data`, an object reference; `mailbox`, an actor's handle.
    """
    import ray

    from fieldmark.training.classifier.workers import Workers

    job: Job = config["job"]
    link = Link(config["mailbox"])
    workers = Workers.current()
    link.tell("worker", (workers.rank, own_place()))

    def keep_going() -> bool:
        link.sign()
        return not link.stopping

    try:
        load_extensions(job.extensions)
        store = open_here(config["store"])
        link.count(lambda: store.objects.patience.waits)
        do_job(
            job,
            ray.get(config["data"]),
            store,
            workers,
            device=_device(),
            keep_going=keep_going,
            on_run=lambda task: link.tell("run", task.run_id) if workers.is_first else None,
            on_step=lambda info: link.tell("step", info),
            on_epoch=_report,
        )
    except CutOff:
        if workers.is_first:
            link.tell("saved")
        time.sleep(FAREWELL)  # a worker that returned or raised would be taken for finished, or started again
    except Exception as error:
        if not may_pass(error):
            kind = "user" if isinstance(error, UserError) else kind_of(error)
            link.tell("failed", Failed(kind, _message(error), traceback.format_exc()))
            link.exchange()
        raise
    link.exchange()


def _report(epoch: int, metrics: Mapping[str, float]) -> None:
    import ray.train

    ray.train.report({"epoch": epoch, **metrics})


def _device() -> str:
    import torch
    from ray.train.torch import get_device

    return str(get_device()) if torch.cuda.is_available() else "cpu"


def may_pass(error: BaseException) -> bool:
    """Whether starting again from the checkpoint may help: the death of a worker shows at the others as these."""
    import ray

    passing = isinstance(error, RuntimeError | ConnectionError | ray.exceptions.RayError)
    return passing and not is_out_of_memory(error)


def _message(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
