"""A Tune trial: one unit a trial, many trials an actor."""

import gc
from typing import TYPE_CHECKING, Any

from ray import tune

from fieldmark.search.executors.bench import Bench, BenchMaker
from fieldmark.search.executors.ending import own_place
from fieldmark.search.executors.shared import open_here
from fieldmark.search.executors.work import Work

if TYPE_CHECKING:
    from fieldmark.store import Store

SLICE = 2.0
"""Seconds after which a trial says how far it is."""
FAREWELL = 8.0
"""Seconds that a run has to save its state when it is cut off."""


class TrialActor(tune.Trainable):
    """Does the unit of ``config["unit"]``; an actor that is reused keeps its bench: libraries, data and store."""

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """Returns what a trial asks Ray for: it is in its configuration, since shares of a GPU differ."""
        return tune.PlacementGroupFactory([config["asks"]])

    def setup(self, config: dict[str, Any], maker: BenchMaker | None = None, store_url: str = "") -> None:
        """Starts the first unit. Arrays lie in Ray's object store and are mapped, not copied."""
        assert maker is not None
        self._maker, self._store_url = maker, store_url
        self._store: Store | None = None
        self._bench: Bench[Any] | None = None
        self._place = own_place()
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
        if outcome is not None and outcome.kind == "out_of_memory":
            self._let_go()
        return {
            "done": done,
            "epoch": self._work.epoch,
            "begun": self._work.begun,
            "signs": self._work.signs + (0 if self._store is None else self._store.objects.patience.waits),
            "place": self._place,
            "outcome": outcome.model_dump_json() if done and outcome is not None else "",
        }

    def cleanup(self) -> None:
        """Cuts off a unit that is under way; its checkpoint stays."""
        self._work.cut_off(FAREWELL)

    def _begin(self, config: dict[str, Any]) -> Work:
        return Work(config["run_id"], config["unit"], self._ready_bench)

    def _ready_bench(self) -> Bench[Any]:
        """Returns the bench; the store is opened, too, in the unit's thread: what is stuck there can still be told."""
        if self._store is None:
            self._store = open_here(self._store_url)
        if self._bench is None:
            self._bench = self._maker(self._store)
        return self._bench

    def _let_go(self) -> None:
        """Frees what the bench keeps between units: the one that memory ran out of is tried again with all of it."""
        import torch

        self._bench = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
