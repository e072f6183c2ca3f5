"""Runs units in virtual time: a sweep of a thousand nodes in a second, to test what a scheduler decides."""

import heapq
from collections.abc import Callable, Mapping
from typing import Any

from fieldmark.search.executors.bench import Unit
from fieldmark.search.tasks import Outcome


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
        self.capacity = capacity
        self.now = 0.0
        self.started: list[str] = []
        """Run ids in the order of their starts."""
        self._run = run
        self._duration = duration
        self._ends: list[tuple[float, int, Unit]] = []

    def start(self, unit: Unit) -> None:
        """Starts the unit at the present virtual time."""
        assert len(self._ends) < self.capacity, "more units than there is room for"
        heapq.heappush(self._ends, (self.now + self._duration(unit), len(self.started), unit))
        self.started.append(unit.run_id)

    def poll(self, timeout: float) -> list[Outcome]:
        """Advances the clock to the next end."""
        if not self._ends:
            return []
        self.now, _, unit = heapq.heappop(self._ends)
        return [self._run(unit)]

    def epochs(self) -> Mapping[str, int]:
        """Returns nothing: simulated runs have no epochs."""
        return {}

    def stop(self) -> None:
        """Drops what is under way."""
        self._ends.clear()
