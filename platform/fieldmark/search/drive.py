"""The loop of a sweep: ask the scheduler, start, wait, tell."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from fieldmark.search.budget.limits import Limit
from fieldmark.search.budget.metered import MeteredExecutor
from fieldmark.search.budget.note import command_beyond, put_note
from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.lazy import LazyExecutor
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.schedule import Schedule
from fieldmark.search.training.interrupt import Interrupt
from fieldmark.tables.limit_note import LimitNote

if TYPE_CHECKING:
    from fieldmark.search.budget.meter import Meter
    from fieldmark.search.lease_keeper import LeaseKeeper
    from fieldmark.search.progress import Progress
    from fieldmark.store.retention import Retention

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


@dataclass(frozen=True, kw_only=True)
class End:
    """How a command's part of a sweep ended."""

    interrupted: bool
    """Whether it was asked to stop."""
    terminated: bool
    """Whether SIGTERM asked: a cluster's scheduler, not a person."""
    cut_off: tuple[str, ...]
    """Runs that were stopped, and go on from their last checkpoint."""
    limit: LimitNote | None
    """The limit that has kept runs from being started."""


def drive_to_the_end(
    scheduler: Schedule,
    make_executor: Callable[[KeepGoing], Executor],
    *,
    progress: "Progress",
    lease: "LeaseKeeper",
    meter: "Meter",
    limit: Limit | None = None,
    retention: "Retention | None" = None,
) -> End:
    """Runs a sweep as a command does: shows it, keeps its lease, meters it, notes a limit, says how to go on.

    Ctrl-C and SIGTERM alike have what is under way save its state; a second Ctrl-C leaves at once.

    Args:
        scheduler: says what to run.
        make_executor: makes what runs it, once there is something to run; it is stopped in any case. Takes what units
            in this process must ask.
        progress: shows how it goes.
        lease: of the sweep; once it is lost this raises.
        meter: of what the sweep uses.
        limit: of what the command may use.
        retention: of the sweep's checkpoints.
    """
    with Interrupt() as interrupt:

        def keep_going() -> bool:
            over = limit is not None and limit.stops and bool(limit.reached(scheduler))
            return lease.kept and not interrupt.asked and not over

        def watch(scheduler: Schedule, executor: Executor) -> None:
            interrupt.again()  # the executor may just have started Ray
            lease.check()
            progress.show(scheduler, executor)
            if retention is not None:
                retention.look({unit.run_id for unit in scheduler.running})

        executor = LazyExecutor(lambda: MeteredExecutor(make_executor(keep_going), meter))
        interrupted = False
        try:
            drive(scheduler, executor, watch, limit=limit, asked=lambda: interrupt.asked)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            if scheduler.running:
                progress.say("Stopping; what is under way keeps its checkpoint ...")
            executor.stop()
        lease.check()  # units in this process stop when it is lost
        cut_off = tuple(unit.run_id for unit in scheduler.cut_off())
        meter.close()
        interrupted = interrupted or interrupt.asked
        end = End(
            interrupted=interrupted,
            terminated=interrupt.terminated,
            cut_off=cut_off,
            limit=None if interrupted else _limit_note(scheduler, cut_off),
        )
    if not interrupted:
        put_note(meter.mine, end.limit)
    _say_how_to_go_on(scheduler, end, progress)
    return end


def _limit_note(scheduler: Schedule, cut_off: tuple[str, ...]) -> LimitNote | None:
    if not scheduler.closed or scheduler.recorded >= scheduler.planned:
        return None
    return LimitNote(
        reason=scheduler.closed,
        at=time.time(),
        recorded=scheduler.recorded,
        planned=scheduler.planned,
        cut_off=cut_off,
        command=command_beyond(scheduler.closed),
    )


def _say_how_to_go_on(scheduler: Schedule, end: End, progress: "Progress") -> None:
    from fieldmark.search.lease_keeper import this_command

    count = f"{scheduler.recorded} of {scheduler.planned} runs are recorded"
    if end.cut_off:
        count += f", {len(end.cut_off)} cut off"
    if end.interrupted:
        progress.say(f"Stopped. {count}. Go on with: {this_command()}")
    elif end.limit is not None:
        progress.say(f"Nothing new was started: {end.limit.reason}. {count}. Go on with: {end.limit.command}")
