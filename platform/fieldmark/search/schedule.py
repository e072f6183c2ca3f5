"""What the loop of a sweep and its display ask of a scheduler, whatever it schedules."""

from collections.abc import Sequence
from typing import Any, Protocol

from fieldmark.search.executors.bench import Unit
from fieldmark.search.tasks import Outcome


class Failed(Protocol):
    """A unit that failed, for good or for now."""

    @property
    def task(self) -> Unit:
        """The unit."""
        ...

    @property
    def message(self) -> str:
        """What happened."""
        ...


class Schedule(Protocol):
    """Hands out units and hears how they ended; never touches a process."""

    def next(self) -> Unit | None:
        """Returns a unit to start now, or None: wait for results, or, with nothing running, the end."""
        ...

    def tell(self, outcome: Outcome) -> None:
        """Hears that a unit has ended; the store, not the outcome, says whether it is done."""
        ...

    def put_back(self, unit: Any) -> None:
        """Takes a unit back that was handed out last and not started."""
        ...

    def cut_off(self) -> Sequence[Unit]:
        """Hears that nothing runs any more; returns what had not ended. It is no failure, and goes on later."""
        ...

    def close(self, reason: str) -> None:
        """Starts nothing new from now on, for a reason in words."""
        ...

    @property
    def closed(self) -> str:
        """Why nothing new is started; empty while something may be."""
        ...

    @property
    def running(self) -> Sequence[Unit]:
        """Units that were started and have not ended."""
        ...

    @property
    def recorded(self) -> int:
        """Units that are done, by whatever command."""
        ...

    @property
    def planned(self) -> int:
        """Units that there are in all, as far as is known now."""
        ...

    @property
    def new_runs(self) -> Sequence[str]:
        """Ids of units done since the start."""
        ...

    @property
    def failures(self) -> Sequence[Failed]:
        """Units that were given up, in that order."""
        ...

    @property
    def retried(self) -> Sequence[Failed]:
        """Units that were, or will be, started again after they failed, in that order; each as often as it failed."""
        ...

    @property
    def cpu_seconds(self) -> float:
        """What the units done since the start have cost."""
        ...

    def standing(self) -> str:
        """Returns how the search stands in a few words, e.g. its best value so far; empty: there is nothing to say."""
        ...

    @property
    def share_done(self) -> float:
        """Share of this command's work that is done, in [0, 1], by which the time left is told."""
        ...
