"""Runs tasks in virtual time: a sweep of a thousand nodes in a second, to test what a scheduler decides."""

import heapq
from collections.abc import Callable, Mapping

from fieldmark.search.tasks import Outcome, Task


class SimulatedExecutor:
    """Ends tasks in the order of their virtual durations; a callable does the work at the virtual end."""

    def __init__(
        self, capacity: int, run: Callable[[Task], Outcome], duration: Callable[[Task], float] = lambda _: 1.0
    ) -> None:
        """Starts the clock at zero.

        Args:
            capacity: tasks at a time.
            run: called when a task ends; says how, and records what is to be recorded.
            duration: virtual seconds of a task, positive.
        """
        self.capacity = capacity
        self.now = 0.0
        self.started: list[str] = []
        """Run ids in the order of their starts."""
        self._run = run
        self._duration = duration
        self._ends: list[tuple[float, int, Task]] = []

    def start(self, task: Task) -> None:
        """Starts the task at the present virtual time."""
        assert len(self._ends) < self.capacity, "more tasks than there is room for"
        heapq.heappush(self._ends, (self.now + self._duration(task), len(self.started), task))
        self.started.append(task.run_id)

    def poll(self, timeout: float) -> list[Outcome]:
        """Advances the clock to the next end."""
        if not self._ends:
            return []
        self.now, _, task = heapq.heappop(self._ends)
        return [self._run(task)]

    def epochs(self) -> Mapping[str, int]:
        """Returns nothing: simulated runs have no epochs."""
        return {}

    def stop(self) -> None:
        """Drops what is under way."""
        self._ends.clear()
