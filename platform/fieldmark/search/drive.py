"""The loop of a sweep: ask the scheduler, start, wait, tell."""

from collections.abc import Callable
from typing import TypeVar

from fieldmark.search.budget.limits import Limit
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
    limit: Limit | None = None,
    asked: Callable[[], bool] = lambda: False,
) -> None:
    """Runs a sweep to its end.

    Args:
        scheduler: says what to run.
        executor: runs it. It is left running, for its owner to stop.
        watch: called before every wait, to show progress and check the lease; what it raises ends the loop.
        limit: once it is reached nothing new is started, and where there was something to start the scheduler is
            closed; what runs is run to its end, or left for the caller to stop.
        asked: whether to leave now; what runs is left for the caller to stop.
    """
    while not asked():
        reached = "" if limit is None or scheduler.closed else limit.reached(scheduler)
        if limit is not None and limit.stops and reached and scheduler.running:
            scheduler.close(reached)
            return
        _fill(scheduler, executor, limit, reached)
        watch(scheduler, executor)
        if not scheduler.running:
            return
        for outcome in executor.poll(WAIT):
            scheduler.tell(outcome)


def _fill(scheduler: Schedule, executor: Executor, limit: Limit | None, reached: str) -> None:
    """Starts what there is room for. What the limit refuses waits for what runs; with nothing running it is the end.

    A limit that is reached closes the scheduler only where it keeps something from being started.
    """
    while len(scheduler.running) < executor.capacity and (unit := scheduler.next()) is not None:
        if limit is not None and (reason := reached or limit.refuses(unit)):
            scheduler.put_back(unit)
            if reached or not scheduler.running:
                scheduler.close(reason)
            return
        executor.start(unit)
