"""What a run costs: wall clock, processor time and memory of this process."""

import resource
import sys
import time
from typing import NamedTuple, Self

from fieldmark.store.records import Cost


class Stopwatch:
    """Measures from its making on; what an earlier, cut-off attempt used is added."""

    def __init__(self, *, seconds: float = 0.0, cpu_seconds: float = 0.0) -> None:
        self._before = Cost(seconds=seconds, cpu_seconds=cpu_seconds)
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def cost(self) -> Cost:
        """Returns the cost so far. Peak memory is the whole process's, other runs before it included."""
        return Cost(
            seconds=self._before.seconds + time.perf_counter() - self._wall,
            cpu_seconds=self._before.cpu_seconds + time.process_time() - self._cpu,
            peak_memory_bytes=_peak_memory(),
        )


class Start(NamedTuple):
    """When something began."""

    wall: float
    """Unix time, seconds: for people."""
    monotonic: float
    """Seconds of a clock that nobody sets."""

    @classmethod
    def now(cls) -> Self:
        """Returns this moment."""
        return cls(time.time(), time.monotonic())

    @property
    def seconds(self) -> float:
        """Seconds since, whatever has happened to the machine's clock."""
        return time.monotonic() - self.monotonic


def _peak_memory() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
