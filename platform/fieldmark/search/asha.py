"""Early stopping as a function of what is stored: asynchronous successive halving (Li et al. 2020), stopping variant.

A run that reaches a rung leaves its value there and goes on if it is among the best third of the values left so far.
Value and decision are written once, so that a sweep that is resumed, on whatever executor, decides alike.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fieldmark.search.objective import Objective

if TYPE_CHECKING:
    from fieldmark.store import Store

RUNGS = (3, 9)
"""Epochs after which a run may be stopped."""
ETA = 3
"""One of so many goes on."""


def survives(value: float, others: Sequence[float], eta: int = ETA) -> bool:
    """Whether a value stands among the best 1/eta of itself and the others (at least the best one); more is better.

    Args:
        value: of the run that asks.
        others: of the runs that were at this rung before.
        eta: the reduction factor.
    """
    places = max(1, (len(others) + 1) // eta)
    return sum(other > value for other in others) < places


class Rungs:
    """The rungs of one sweep."""

    def __init__(self, store: "Store", sweep_id: str, objective: Objective) -> None:
        self._store = store
        self._folder = f"sweeps/{sweep_id}/rungs"
        self._objective = objective

    def decide(self, run_id: str, epoch: int, value: float) -> bool:
        """Whether a run goes on after an epoch; always, where the epoch is no rung.

        Args:
            run_id: the run that asks.
            epoch: finished epochs.
            value: the objective's metric on tune.
        """
        if epoch not in RUNGS:
            return True
        key = f"{self._folder}/{epoch:03d}/{run_id}.json"
        goodness = self._objective.goodness(value)
        if (before := self._store.get(key)) is None:
            others = [self._read(other)["goodness"] for other in self._store.list(f"{self._folder}/{epoch:03d}")]
            goes_on = survives(goodness, others)
            if self._store.put_once(key, json.dumps({"goodness": goodness, "goes_on": goes_on}).encode()):
                return goes_on
            before = self._store.get(key)
        assert before is not None, key
        return bool(json.loads(before)["goes_on"])

    def _read(self, key: str) -> dict[str, float]:
        data = self._store.get(key)
        assert data is not None, key
        found: dict[str, float] = json.loads(data)
        return found
