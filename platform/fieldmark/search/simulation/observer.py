"""Looks at a simulated sweep as it goes: figures by thousand, and a line of progress now and then."""

import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fieldmark.search.simulation.meter import Meter
from fieldmark.search.simulation.nodes import SimulatedCluster
from fieldmark.search.simulation.result import DriverTime, Thousand
from fieldmark.search.words import duration

STRETCHES = 10
BETWEEN_LINES = 5.0
PARTS = ("ask", "tell", "store")


class Observer:
    """Watches from within the driving loop."""

    def __init__(self, trials: int, meter: Meter, cluster: SimulatedCluster, say: Callable[[str], None]) -> None:
        """Takes the first figures.

        Args:
            trials: planned.
            meter: of the driver's work.
            cluster: that the sweep runs on.
            say: shows one line.
        """
        self.stretches: list[Thousand] = []
        self._trials = trials
        self._every = min(1000, max(1, trials // STRETCHES))
        self._meter = meter
        self._cluster = cluster
        self._say = say
        self._before = self._figures()
        self._from = 0
        """Starts before the present stretch: a cluster's worth of trials is asked for before the first has ended."""
        self._begun = self._said = time.monotonic()

    def look(self, scheduler: Any, _: object) -> None:
        """Called before every wait."""
        started = len(self._cluster.started)
        if started >= self._from + self._every:
            now = self._figures()
            driver = per_trial({part: now[part] - self._before[part] for part in now}, started - self._from)
            self.stretches.append(Thousand(trials=started, driver=driver, memory_bytes=memory()))
            self._before, self._from = now, started
        if (clock := time.monotonic()) - self._said >= BETWEEN_LINES:
            self._said = clock
            left = (clock - self._begun) * max(0, self._trials - started) / max(1, started)
            self._say(
                f"simulated: {scheduler.recorded:,} of {scheduler.planned:,} trials after "
                f"{duration(self._cluster.now)} of simulated time; {scheduler.standing()}; about {duration(left)} left"
            )

    def total(self, trials: int) -> DriverTime:
        """Returns the driver's time for one of so many trials, over all."""
        return per_trial(self._figures(), trials)

    def _figures(self) -> dict[str, float]:
        return {"driver": self._cluster.driver_seconds, **{part: self._meter.seconds[part] for part in PARTS}}


def per_trial(seconds: Mapping[str, float], trials: int) -> DriverTime:
    """Returns means of the driver's parts."""
    known = {part: seconds[part] / max(1, trials) for part in PARTS}
    return DriverTime(**known, other=max(0.0, seconds["driver"] / max(1, trials) - sum(known.values())))


def memory() -> int:
    """Returns the bytes of this process in memory; where the system does not say, the most that it ever had."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def memory_growth(stretches: list[Thousand]) -> float:
    """Returns bytes a trial from the first stretch's end to the last's; 0 where there is but one."""
    if len(stretches) < 2:
        return 0.0
    first, last = stretches[0], stretches[-1]
    return (last.memory_bytes - first.memory_bytes) / (last.trials - first.trials)
