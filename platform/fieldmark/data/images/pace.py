"""How fast pictures are got through, and how long the rest will take."""

import threading
import time
from collections.abc import Callable

EVERY_S = 10.0
"""Seconds between two lines."""


class Pace:
    """Counts pictures from several threads and says how it goes every few seconds."""

    def __init__(self, verb: str, total: int, say: Callable[[str], None]) -> None:
        """Takes what is done to the pictures, e.g. `packing`, how many there are, and who is told."""
        self._verb, self._total, self._say = verb, total, say
        self._lock = threading.Lock()
        self._done = self._skipped = 0
        self._started = self._said = time.monotonic()

    def step(self) -> None:
        """Counts a picture."""
        with self._lock:
            self._done += 1
            now = time.monotonic()
            if now - self._said >= EVERY_S:
                self._said = now
                self._say(self._line(now))

    def skip(self, pictures: int) -> None:
        """Counts pictures that somebody else saw to; they say nothing about the speed."""
        with self._lock:
            self._skipped += pictures

    def finish(self) -> None:
        """Says how it went."""
        seconds = time.monotonic() - self._started
        self._say(f"{self._verb}: {self._total:,} images in {_duration(seconds)}, {self._rate(seconds):,.0f} images/s")

    def _line(self, now: float) -> str:
        rate = self._rate(now - self._started)
        seen = self._done + self._skipped
        left = _duration((self._total - seen) / rate)
        return f"{self._verb}: {seen:,} of {self._total:,} images, {rate:,.0f} images/s, about {left} left"

    def _rate(self, seconds: float) -> float:
        return self._done / max(seconds, 1e-9)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
