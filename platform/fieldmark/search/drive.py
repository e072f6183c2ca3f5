"""The loop of a sweep: ask the scheduler, start, wait, tell."""

import time
from collections.abc import Callable
from typing import Protocol

from fieldmark.search.executors.base import Executor
from fieldmark.search.scheduler import Scheduler

WAIT = 0.5
"""Seconds to wait for a result before looking at the clock, the lease and the display."""


class Watch(Protocol):
    """What is looked at between results."""

    def __call__(self, scheduler: Scheduler, executor: Executor) -> None:
        """Shows progress, checks the lease.

        Raises:
            UserError: the sweep must not go on.
        """
        ...


def drive(
    scheduler: Scheduler,
    executor: Executor,
    watch: Watch,
    *,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Runs a sweep to its end.

    Args:
        scheduler: says what to run.
        executor: runs it. It is left running, for its owner to stop.
        watch: called before every wait.
        deadline: time of the clock after which nothing new is started.
        clock: seconds.
    """
    while True:
        if deadline is not None and clock() >= deadline:
            scheduler.close()
        while len(scheduler.running) < executor.capacity and (task := scheduler.next()) is not None:
            executor.start(task)
        watch(scheduler, executor)
        if not scheduler.running:
            return
        for outcome in executor.poll(WAIT):
            scheduler.tell(outcome)
