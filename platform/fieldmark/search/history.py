"""Of which trials a sampler hears, and when it hears anew: it keeps the ten thousandth question as cheap as the first.

A sweep asks in batches: the questions of a batch are put to one study. Within it, earlier answers count as running
trials, whatever is recorded meanwhile, so that a sweep that was killed within a batch goes on as one that was not.
"""

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldmark.search.study import Told

MOST_HEARD = 1000
"""Trials of which a sampler hears at most, beside those of its batch."""
BEST = 100
"""How many of them are the best by the first objective; the others are the latest."""
MOST_RUNNING = 450
"""How many of them run at most: those of a large cluster would leave no room for results."""
MOST_AT_ONCE = 64
"""Questions of the largest batch."""

WITHOUT_HISTORY = ("random",)
"""Samplers that learn nothing, and are told nothing."""


def batch_start(k: int) -> int:
    """Returns the first question of the batch that the k-th question belongs to.

    A batch is a 64th of what was asked before: up to question 127 every question is one of its own.
    """
    start = 0
    while (after := start + min(MOST_AT_ONCE, max(1, start // MOST_AT_ONCE))) <= k:
        start = after
    return start


def heard(told: "Sequence[Told]", direction: str) -> "list[Told]":
    """Returns what a sampler hears of all that could be told, in the same order.

    Args:
        told: trials in their order.
        direction: `maximize` or `minimize`, the first objective.
    """
    if len(told) <= MOST_HEARD:
        return list(told)
    sign = 1 if direction == "maximize" else -1
    ended = [place for place, one in enumerate(told) if one.state in ("complete", "pruned")]
    complete = [place for place in ended if told[place].state == "complete"]
    best = set(heapq.nlargest(BEST, complete, key=lambda place: sign * told[place].values[0]))
    running = [place for place, one in enumerate(told) if one.state == "running"][-MOST_RUNNING:]
    others = [place for place in ended if place not in best]
    room = MOST_HEARD - len(best) - len(running)
    return [told[place] for place in sorted([*best, *running, *others[max(0, len(others) - room) :]])]


def history_notes(sampler: str, told: int) -> list[str]:
    """Returns a sentence where a sampler does not hear of all trials; nothing where it does.

    Args:
        sampler: its name.
        told: trials that there are to tell.
    """
    if told <= MOST_HEARD or sampler in WITHOUT_HISTORY:
        return []
    return [
        f"sampler {sampler}: of more than {MOST_HEARD:,} trials it hears of {MOST_HEARD:,}, the {BEST} best and the "
        f"latest (at most {MOST_RUNNING} that still run), anew after at most {MOST_AT_ONCE} questions"
    ]
