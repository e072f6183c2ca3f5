"""A Tune trial: one unit a trial, many trials an actor."""

from typing import Any

from ray import tune

from fieldmark.search.executors.bench import BenchMaker
from fieldmark.search.executors.work import Work

SLICE = 2.0
"""Seconds after which a trial says how far it is."""
FAREWELL = 8.0
"""Seconds that a run has to save its state when it is cut off."""


class TrialActor(tune.Trainable):
    """Does the unit of ``config["unit"]``; an actor that is reused keeps its bench: libraries, data and store."""

    def setup(self, config: dict[str, Any], maker: BenchMaker | None = None, store_url: str = "") -> None:
        """Opens the store and starts the first unit. Arrays lie in Ray's object store and are mapped, not copied."""
        from fieldmark.store import Store

        assert maker is not None
        self._bench = maker(Store.open(store_url, create=False))
        self._work = self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Starts the next unit in the same actor."""
        self._work.cut_off(FAREWELL)
        self._work = self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Waits for the end of the unit or of a slice."""
        done = self._work.wait(SLICE)
        outcome = self._work.outcome
        return {
            "done": done,
            "epoch": self._work.epoch,
            "outcome": outcome.model_dump_json() if done and outcome is not None else "",
        }

    def cleanup(self) -> None:
        """Cuts off a unit that is under way; its checkpoint stays."""
        self._work.cut_off(FAREWELL)

    def _begin(self, config: dict[str, Any]) -> Work:
        return Work(self._bench.parse(config["unit"]), self._bench)
