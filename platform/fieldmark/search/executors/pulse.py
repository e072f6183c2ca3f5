"""Signs of life: how long what runs has been silent. No process is touched here; several threads may tell and ask."""

import time
from collections.abc import Callable

from fieldmark.search.words import duration

HANG_AFTER = 30 * 60.0
"""Seconds without a sign of life after which a run counts as hung, unless told otherwise."""


class Pulse:
    """Hears signs of life by name, and knows who has given none for too long."""

    def __init__(self, patience: float = HANG_AFTER, clock: Callable[[], float] = time.monotonic) -> None:
        """Takes the seconds after which somebody counts as hung."""
        self.patience = patience
        self._clock = clock
        self._heard: dict[str, tuple[int, float]] = {}

    def hear(self, name: str, signs: int) -> None:
        """Takes how many signs there have been so far: another count than before is a new one."""
        if name not in self._heard or self._heard[name][0] != signs:
            self._heard[name] = signs, self._clock()

    def forget(self, name: str) -> None:
        """Expects no more signs, until the next one."""
        self._heard.pop(name, None)

    @property
    def hung(self) -> list[str]:
        """Those who have been silent for too long; who was never heard is none of them."""
        now = self._clock()
        return [name for name, (_, since) in list(self._heard.items()) if now - since >= self.patience]

    @property
    def silence(self) -> str:
        """What is wrong with those, in words."""
        return f"no sign of life for {duration(self.patience)}"
