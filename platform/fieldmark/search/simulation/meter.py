"""Measures what a driver's work takes, part by part, while virtual time stands still."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Clock = Callable[[], float]
"""Seconds of real time."""

TRIAL = "trial"
"""The part that is no work of the driver's: what a worker would do."""


class Meter:
    """Seconds by part; a part within another counts for itself only."""

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        """Starts the first lap."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._clock = clock
        self._parts: list[str] = []
        self._since = clock()
        self.begin_lap()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Counts what is done in this context; within a trial's work nothing is told apart."""
        if TRIAL in self._parts:
            yield
            return
        self._turn()
        self._parts.append(name)
        try:
            yield
        finally:
            self._turn()
            self._parts.pop()

    def watch(self, thing: object, parts: Mapping[str, str]) -> None:
        """Counts every call of some methods of an object.

        Args:
            thing: the object, which keeps its class and its state.
            parts: method to part.
        """
        for method, name in parts.items():
            setattr(thing, method, self._counted(getattr(thing, method), name))

    def lap(self) -> tuple[float, float]:
        """Returns the seconds since the last lap began, and this process's processor time in them."""
        return self._clock() - self._lap, time.process_time() - self._lap_cpu

    def begin_lap(self) -> None:
        """Begins a lap."""
        self._lap, self._lap_cpu = self._clock(), time.process_time()

    def _counted(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return function(*args, **kwargs)

        return counted

    def _turn(self) -> None:
        now = self._clock()
        if self._parts:
            self.seconds[self._parts[-1]] += now - self._since
        self._since = now
