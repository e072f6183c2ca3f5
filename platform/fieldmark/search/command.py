"""What every command that runs a sweep does: show it, keep its lease, meter it, stop it well, say how to go on."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldmark.search.budget.limits import Larger
from fieldmark.search.budget.meter import Meter
from fieldmark.search.budget.metered import MeteredExecutor
from fieldmark.search.budget.mine import Mine
from fieldmark.search.budget.note import command_beyond, put_note
from fieldmark.search.drive import drive
from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.lazy import LazyExecutor
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.schedule import Schedule
from fieldmark.search.training.interrupt import Interrupt
from fieldmark.tables.limit_note import LimitNote

if TYPE_CHECKING:
    from fieldmark.search.budget.options import BudgetOptions
    from fieldmark.search.lease_keeper import LeaseKeeper
    from fieldmark.search.progress import Progress


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


class SweepCommand:
    """A command that holds the lease of a sweep, or of a reproduction."""

    def __init__(
        self,
        options: "BudgetOptions",
        mine: Mine,
        progress: "Progress",
        lease: "LeaseKeeper",
        *,
        started: float,
        larger: Larger | None = None,
    ) -> None:
        """Takes what it drives with.

        Args:
            options: say what the command may use.
            mine: what the sweep has in its store.
            progress: shows how it goes.
            lease: of the sweep; once it is lost driving raises.
            started: when the command began, by the monotonic clock.
            larger: the command that this one is a part of: the budget is of both.
        """
        self.meter = Meter(mine, options.price_table())
        self._limit = options.limit(self.meter, started, larger=larger)
        self._retention = options.retention(mine.store, mine.sweep, progress.say)
        self._mine, self._progress, self._lease = mine, progress, lease

    def drive(self, scheduler: Schedule, make_executor: Callable[[KeepGoing], Executor]) -> End:
        """Runs the sweep to its end, to its limit, or until it is asked to stop.

        Ctrl-C and SIGTERM alike have what is under way save its state; a second Ctrl-C leaves at once.

        Args:
            scheduler: says what to run.
            make_executor: makes what runs it, once there is something to run; it is stopped in any case. Takes what
                units in this process must ask.
        """
        end = self._drive(scheduler, make_executor)
        if not end.interrupted:
            put_note(self._mine, end.limit)
        _say_how_to_go_on(scheduler, end, self._progress)
        return end

    def _drive(self, scheduler: Schedule, make_executor: Callable[[KeepGoing], Executor]) -> End:
        with Interrupt() as interrupt:

            def watch(scheduler: Schedule, executor: Executor) -> None:
                interrupt.again()  # the executor may just have started Ray
                self._look(scheduler, executor)

            def keep_going() -> bool:
                return self._lease.kept and not interrupt.asked and not self._is_over(scheduler)

            executor = LazyExecutor(lambda: MeteredExecutor(make_executor(keep_going), self.meter))
            interrupted = False
            try:
                drive(scheduler, executor, watch, limit=self._limit, asked=lambda: interrupt.asked)
            except KeyboardInterrupt:
                interrupted = True
            finally:
                if scheduler.running:
                    self._progress.say("Stopping; what is under way keeps its checkpoint ...")
                executor.stop()
            self._lease.check()  # units in this process stop when it is lost
            cut_off = tuple(unit.run_id for unit in scheduler.cut_off())
            self.meter.close()
            interrupted = interrupted or interrupt.asked
            return End(
                interrupted=interrupted,
                terminated=interrupt.terminated,
                cut_off=cut_off,
                limit=None if interrupted else _limit_note(scheduler, cut_off),
            )

    def _look(self, scheduler: Schedule, executor: Executor) -> None:
        self._lease.check()
        self._progress.show(scheduler, executor)
        if self._retention is not None:
            self._retention.look({unit.run_id for unit in scheduler.running})

    def _is_over(self, scheduler: Schedule) -> bool:
        """Whether the limit is reached and stops what runs."""
        return self._limit is not None and self._limit.stops and bool(self._limit.reached(scheduler))


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
