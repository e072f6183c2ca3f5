"""Nothing waits for ever in silence."""

import time
from collections.abc import Callable

from fieldmark.search.words import duration

PATIENCE = 60.0
LONGEST = 600.0
"""Seconds between two lines of a long stall; the first come faster."""


class Watchdog:
    """Explains a stall: no sign of life from anything for a while, or something that is not placed for a while."""

    def __init__(
        self,
        say: Callable[[str], None],
        explain: Callable[[], str],
        *,
        asks: str,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts waiting now.

        Args:
            say: shows a line.
            explain: what the cluster has, who holds it and what to do, in words.
            asks: what is waited for and what each of it needs.
            patience: seconds of a stall before it speaks; then it speaks again ever more rarely.
            clock: seconds.
        """
        self._say = say
        self._explain = explain
        self._asks = asks
        self._clock = clock
        self._silence = _Stall(patience, clock())
        self._unplaced = _Stall(patience, clock())

    def look(self, waiting: int, signs: int, unplaced: int = 0, placed: int = 0) -> None:
        """Takes how things stand.

        Args:
            waiting: tasks that wait or run.
            signs: the count of signs of life so far.
            unplaced: of those that wait or run, how many no process has begun with.
            placed: how many have been begun with so far.
        """
        now = self._clock()
        silent = self._silence.speaks(now, signs, bool(waiting))
        stuck = self._unplaced.speaks(now, placed, bool(unplaced))
        if silent:
            what = f"{waiting} {self._asks} and none has started or reported for {self._silence.words(now)}"
            self._say(f"{what}; {self._explain()}")
        elif stuck:
            what = f"{unplaced} of {waiting} {self._asks} and cannot be placed since {self._unplaced.words(now)}"
            self._say(f"{what}; {self._explain()}")


class _Stall:
    """How long a count has stood still while it should not."""

    def __init__(self, patience: float, now: float) -> None:
        self._patience = patience
        self._count = -1
        self._since = self._spoke = now
        self._pause = patience

    def speaks(self, now: float, count: int, matters: bool) -> bool:
        """Takes the count; whether it is time to say something."""
        if count != self._count or not matters:
            self._count, self._since, self._spoke, self._pause = count, now, now, self._patience
        elif now - self._spoke >= self._pause:
            self._spoke, self._pause = now, min(2 * self._pause, max(LONGEST, self._patience))
            return True
        return False

    def words(self, now: float) -> str:
        """Returns how long it has lasted."""
        return duration(now - self._since)
