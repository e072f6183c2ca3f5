"""What no cluster can beat, and what a driver that takes some time makes of it; pure."""

import heapq
from collections.abc import Iterable, Sequence
from itertools import repeat


def ideal_seconds(durations: Sequence[float], slots: int) -> float:
    """Returns a time that no order of these trials on so many slots can beat.

    All work shared out evenly, or the longest trial, or, of the k * slots + 1 longest trials, those k + 1 that some
    slot must do one after another.

    Args:
        durations: seconds of every trial.
        slots: trials at a time.
    """
    falling = sorted(durations, reverse=True)
    queued = [(k + 1) * falling[k * slots] for k in range((len(falling) - 1) // slots + 1)] if falling else [0.0]
    return max(sum(falling) / slots, *queued)


def list_seconds(durations: Iterable[float], slots: int, costs: Iterable[float] = repeat(0.0)) -> float:
    """Returns when trials end that are started in this order, each on the first free slot.

    Args:
        durations: seconds of every trial.
        slots: trials at a time.
        costs: what each start takes of the one driver, in seconds.
    """
    free = [0.0] * slots
    driver = end = 0.0
    for seconds, cost in zip(durations, costs, strict=False):
        driver = max(driver, heapq.heappop(free)) + cost
        heapq.heappush(free, driver + seconds)
        end = max(end, driver + seconds)
    return end
