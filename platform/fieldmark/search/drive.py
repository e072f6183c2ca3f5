"""The loop of a sweep: ask the scheduler, start, wait, tell."""

import time
from collections.abc import Callable
from typing import TypeVar

from fieldmark.search.executors.base import Executor
from fieldmark.search.schedule import Schedule

WAIT = 0.5
"""Seconds to wait for a result before looking at the clock, the lease and the display."""


S = TypeVar("S", bound=Schedule)


def drive(
    scheduler: S,
    executor: Executor,
    watch: Callable[[S, Executor], None],
    *,
    deadline: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Runs a sweep to its end.

    Args:
        scheduler: says what to run.
        executor: runs it. It is left running, for its owner to stop.
        watch: called before every wait, to show progress and check the lease; what it raises ends the loop.
        deadline: time of the clock after which nothing new is started.
        clock: seconds.
    """
    while True:
        if deadline is not None and clock() >= deadline:
            scheduler.close()
        while len(scheduler.running) < executor.capacity and (unit := scheduler.next()) is not None:
            executor.start(unit)
        watch(scheduler, executor)
        if not scheduler.running:
            return
        for outcome in executor.poll(WAIT):
            scheduler.tell(outcome)
