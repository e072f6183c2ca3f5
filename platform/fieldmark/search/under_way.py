"""What a command has started, how that ended, and what is tried again: the part that all schedulers share."""

from abc import ABC, abstractmethod
from collections import Counter, deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from fieldmark.search.executors.bench import Unit
from fieldmark.search.tasks import Outcome, Task

RETRIES = 2
"""How often a run whose worker was killed is tried again by one command without having come further meanwhile."""

Given = TypeVar("Given", bound=Unit)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A run that failed: given up by this command, or tried again."""

    task: Task
    message: str


class UnderWay(ABC, Generic[Given]):
    """The bookkeeping of a `Schedule`; a scheduler adds what to do next."""

    def __init__(self) -> None:
        """Nothing has been started."""
        self._running: dict[str, Given] = {}
        self._lost: Counter[str] = Counter()
        self._short_of_memory: deque[Given] = deque()
        """Units that wait to be tried with nothing beside them."""
        self._alone: set[str] = set()
        """Run ids of all units that memory has run out of so far: each runs alone from then on."""
        self._apart: set[str] = set()
        """Run ids of those that their executor keeps apart from others, whatever else is under way."""
        self._reached: dict[str, int] = {}
        """By run id: the most epochs that were finished when a worker was lost."""
        self._closed = ""
        self.done_before = 0
        """Units that were done before this command."""
        self.new_runs: list[str] = []
        self.failures: list[Failure] = []
        self.retried: list[Failure] = []
        self.cpu_seconds = 0.0

    def next(self) -> Given | None:
        """Returns a unit to start now, or None: wait for results, or, with nothing running, the end."""
        if self._closed or not self._alone.isdisjoint(self._running):
            return None
        if self._short_of_memory:
            return None if self._running else self._started(self._short_of_memory.popleft())
        return self._next()

    @abstractmethod
    def _next(self) -> Given | None:
        """Returns what `next` does, while something may be started and nothing has to be tried alone."""

    @property
    @abstractmethod
    def planned(self) -> int:
        """Units that there are in all, as far as is known now."""

    @abstractmethod
    def standing(self) -> str:
        """Returns how the work stands in a few words; empty: there is nothing to say."""

    @abstractmethod
    def _cost(self, unit: Given) -> float | None:
        """Returns the processor time of a unit that is done by the store, None where it is not."""

    @abstractmethod
    def _again(self, unit: Given) -> None:
        """Puts a unit whose worker was lost in front of all others."""

    @abstractmethod
    def _give_up(self, unit: Given, message: str) -> None:
        """Calls `_failed`, and sees to what depends on the unit."""

    def _ended(self, unit: Given) -> None:
        """Hears of a unit that is done; nothing by itself."""

    def tell(self, outcome: Outcome) -> None:
        """Hears that a unit has ended; the store, not the outcome, says whether it is done."""
        unit = self._running.pop(outcome.run_id)
        cost = self._cost(unit)
        if cost is not None:
            self.new_runs.append(unit.run_id)
            self.cpu_seconds += cost
            self._ended(unit)
        elif outcome.kind == "failed":
            self._give_up(unit, outcome.message)
        elif outcome.kind == "out_of_memory":
            self._try_alone(unit, outcome)
        elif outcome.kind == "not_begun":
            self._wait_again(unit)  # that says nothing about the unit
        else:
            self._retry(unit, outcome)

    def put_back(self, unit: Given) -> None:
        """Takes a unit back that was handed out last and not started."""
        del self._running[unit.run_id]
        self._wait_again(unit)

    def cut_off(self) -> list[Given]:
        """Hears that nothing runs any more; returns what had not ended. It is no failure, and goes on later."""
        for unit in self.running:
            if self._cost(unit) is not None:  # it ended while it was asked to stop
                self.tell(Outcome(run_id=unit.run_id, kind="recorded"))
        cut = self.running
        self._running.clear()
        return cut

    def close(self, reason: str) -> None:
        """Starts nothing new from now on, for a reason in words."""
        self._closed = reason

    @property
    def closed(self) -> str:
        """Why nothing new is started; empty while something may be."""
        return self._closed

    @property
    def running(self) -> list[Given]:
        """Units that were started and have not ended."""
        return list(self._running.values())

    @property
    def recorded(self) -> int:
        """Units that are done, by whatever command."""
        return self.done_before + len(self.new_runs)

    @property
    def share_done(self) -> float:
        """Share of this command's work that is done; by the number of units, which cost about the same."""
        new = len(self.new_runs)
        left = max(0, self.planned - self.recorded - len(self.failures))
        return new / (new + left) if new + left else 1.0

    def _started(self, unit: Given) -> Given:
        self._running[unit.run_id] = unit
        return unit

    def _failed(self, unit: Given, message: str) -> None:
        self.failures.append(Failure(task=unit.task, message=message))

    def _wait_again(self, unit: Given) -> None:
        if unit.run_id in self._alone:
            self._short_of_memory.appendleft(unit)
        else:
            self._again(unit)

    def _try_alone(self, unit: Given, outcome: Outcome) -> None:
        """Tries a unit once more by itself.

        An executor sees to that where a GPU's memory ran out. It cannot promise a machine, as single CPUs are taken
        again as soon as they are free: then all that is under way ends first, on a large cluster, too.
        """
        if unit.run_id in self._alone or unit.run_id in self._apart:
            alone = "with nothing else under way" if unit.run_id in self._alone else "on a GPU of its own"
            self._give_up(unit, f"memory ran out {alone}, too: {outcome.message}")
        elif outcome.apart:
            self._apart.add(unit.run_id)
            self._again(unit)
            self._note_retry(unit, f"on a GPU of its own: {outcome.message}")
        else:
            self._alone.add(unit.run_id)
            self._short_of_memory.append(unit)
            self._note_retry(unit, f"with nothing beside it: {outcome.message}")

    def _retry(self, unit: Given, outcome: Outcome) -> None:
        if outcome.epoch > self._reached.get(unit.run_id, 0):  # machines that are taken away are no fault of the unit
            self._reached[unit.run_id] = outcome.epoch
            del self._lost[unit.run_id]
        self._lost[unit.run_id] += 1
        if self._lost[unit.run_id] <= RETRIES:
            self._wait_again(unit)
            self._note_retry(unit, outcome.message)
        else:
            self._give_up(unit, f"its worker was lost {RETRIES + 1} times; {outcome.message}".rstrip("; "))

    def _note_retry(self, unit: Given, message: str) -> None:
        self.retried.append(Failure(task=unit.task, message=message))
