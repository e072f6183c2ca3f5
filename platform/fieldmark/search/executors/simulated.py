"""Runs units in virtual time: a sweep of a thousand nodes in a second, to test what a scheduler decides."""

import heapq
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from fieldmark.search.executors.bench import Unit
from fieldmark.search.tasks import Outcome

Event = Callable[[float], list[Outcome]]
"""What happens at a virtual time, which it is told; returns the units that end by it."""


class SimulatedExecutor:
    """Ends units in the order of their virtual durations; a callable does the work at the virtual end."""

    def __init__(
        self, capacity: int, run: Callable[[Any], Outcome], duration: Callable[[Any], float] = lambda _: 1.0
    ) -> None:
        """Starts the clock at zero.

        Args:
            capacity: units at a time.
            run: called when a unit ends; says how, and records what is to be recorded.
            duration: virtual seconds of a unit, positive.
        """
        self.now = 0.0
        self.started: list[str] = []
        """Run ids in the order of their starts."""
        self._capacity = capacity
        self._run = run
        self._duration = duration
        self._events: list[tuple[float, int, Event]] = []
        self._number = 0

    @property
    def capacity(self) -> int:
        """Units at a time."""
        return self._capacity

    def start(self, unit: Unit) -> None:
        """Starts the unit at the present virtual time."""
        assert len(self._events) < self.capacity, "more units than there is room for"
        self._at(self.now + self._duration(unit), partial(self._end, unit))
        self.started.append(unit.run_id)

    def poll(self, timeout: float) -> list[Outcome]:
        """Advances the clock to the next end."""
        found: list[Outcome] = []
        while self._events and not found:
            found = self._step()
        return found

    def epochs(self) -> Mapping[str, int]:
        """Returns nothing: simulated runs have no epochs."""
        return {}

    def stop(self) -> None:
        """Drops what is under way."""
        self._events.clear()

    def _at(self, time: float, event: Event) -> None:
        self._number += 1  # of events at one time the earliest planned comes first
        heapq.heappush(self._events, (time, self._number, event))

    def _step(self) -> list[Outcome]:
        time, _, event = heapq.heappop(self._events)
        self.now = max(self.now, time)
        return event(time)

    def _end(self, unit: Unit, _: float) -> list[Outcome]:
        return [self._run(unit)]
