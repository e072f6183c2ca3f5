"""Limits of what a command may use."""

import time
from collections.abc import Callable
from typing import Protocol

from fieldmark.search.schedule import Schedule


class Limit(Protocol):
    """What a command may use."""

    def reached(self, scheduler: Schedule) -> str:
        """Returns what is used up, in words; empty while there is some left."""
        ...


class TimeLimit:
    """So many seconds from a moment on."""

    def __init__(self, seconds: float, since: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Takes the seconds, and the moment by the clock."""
        self._seconds = seconds
        self._since = since
        self._clock = clock

    def reached(self, scheduler: Schedule) -> str:
        """Returns that the time is over."""
        over = self._clock() - self._since >= self._seconds
        return f"the budget of {self._seconds:g} s is spent" if over else ""
