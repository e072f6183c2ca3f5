"""The loop of a sweep: ask the scheduler, start, wait, tell."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from fieldmark.search.budget.limits import Limit
from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.lazy import LazyExecutor
from fieldmark.search.schedule import Schedule

if TYPE_CHECKING:
    from fieldmark.search.lease_keeper import LeaseKeeper
    from fieldmark.search.progress import Progress

WAIT = 0.5
"""Seconds to wait for a result before looking at the clock, the lease and the display."""

S = TypeVar("S", bound=Schedule)


def drive(
    scheduler: S,
    executor: Executor,
    watch: Callable[[S, Executor], None],
    *,
    limit: Limit | None = None,
) -> None:
    """Runs a sweep to its end.

    Args:
        scheduler: says what to run.
        executor: runs it. It is left running, for its owner to stop.
        watch: called before every wait, to show progress and check the lease; what it raises ends the loop.
        limit: once it is reached nothing new is started; what runs is run to its end.
    """
    while True:
        if limit is not None and not scheduler.closed and (reason := limit.reached(scheduler)):
            scheduler.close(reason)
        while len(scheduler.running) < executor.capacity and (unit := scheduler.next()) is not None:
            executor.start(unit)
        watch(scheduler, executor)
        if not scheduler.running:
            return
        for outcome in executor.poll(WAIT):
            scheduler.tell(outcome)


def drive_to_the_end(
    scheduler: Schedule,
    make_executor: Callable[[], Executor],
    *,
    progress: "Progress",
    lease: "LeaseKeeper",
    limit: Limit | None = None,
) -> bool:
    """Runs a sweep as a command does: shows it, keeps its lease, says how to go on; returns whether Ctrl-C stopped it.

    Args:
        scheduler: says what to run.
        make_executor: makes what runs it, once there is something to run; it is stopped in any case.
        progress: shows how it goes.
        lease: of the sweep; once it is lost this raises.
        limit: of what the command may use.
    """
    from fieldmark.search.lease_keeper import this_command

    def watch(scheduler: Schedule, executor: Executor) -> None:
        lease.check()
        progress.show(scheduler, executor)

    def say_how_to_go_on(what: str) -> None:
        count = f"{scheduler.recorded} of {scheduler.planned} runs are recorded"
        progress.say(f"{what} {count}. Go on with: {this_command()}")

    executor = LazyExecutor(make_executor)
    try:
        drive(scheduler, executor, watch, limit=limit)
    except KeyboardInterrupt:
        progress.say("Stopping; what is under way keeps its checkpoint ...")
        executor.stop()
        say_how_to_go_on("Stopped.")
        return True
    finally:
        executor.stop()
    if scheduler.closed and scheduler.recorded < scheduler.planned:
        say_how_to_go_on(f"Nothing new was started: {scheduler.closed}.")
    return False
