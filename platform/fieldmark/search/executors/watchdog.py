"""Nothing waits for ever in silence."""

import time
from collections.abc import Callable

PATIENCE = 60.0


class Watchdog:
    """Says what is asked for and what is there when there was no sign of life for a while, again and again."""

    def __init__(
        self,
        say: Callable[[str], None],
        resources: Callable[[], str],
        *,
        asks: str,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts waiting now.

        Args:
            say: shows a line.
            resources: what the cluster has, in words.
            asks: what is waited for and what each of it needs.
            patience: seconds of silence before it speaks.
            clock: seconds.
        """
        self._say = say
        self._resources = resources
        self._asks = asks
        self._patience = patience
        self._clock = clock
        self._signs = -1
        self._since = clock()

    def look(self, waiting: int, signs: int) -> None:
        """Takes how many tasks wait or run, and the count of signs of life so far."""
        now = self._clock()
        if signs != self._signs or not waiting:
            self._signs, self._since = signs, now
        elif now - self._since >= self._patience:
            self._since = now
            self._say(
                f"{waiting} {self._asks} and none has started or reported for {self._patience:.0f} s; "
                f"the cluster has {self._resources()}"
            )
