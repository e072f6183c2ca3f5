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
        """Takes the first unit. Arrays lie in Ray's object store and are mapped, not copied.

        It is started by the first step: Tune drops an actor that it has just asked for when another one becomes free,
        and then two would do the same unit.
        """
        assert maker is not None
        self._maker, self._store_url = maker, store_url
        self._store: Store | None = None
        self._work: Work | None
        self._bench: Bench[Any] | None = None
        self._place = own_place()
        self._unit, self._work = config, None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next unit."""
        self.cleanup()
        self._unit, self._work = new_config, None
        return True

    def step(self) -> dict[str, Any]:
        """Waits for the end of the unit or of a slice."""
        work = self._work = self._work or Work(self._unit["run_id"], self._unit["unit"], self._ready_bench)
        done, outcome = work.wait(SLICE), work.outcome
        if outcome is not None and outcome.kind == "out_of_memory":
            self._let_go()
        return {
            "done": done,
            "epoch": work.epoch,
            "begun": work.begun,
            "signs": work.signs + (0 if self._store is None else self._store.objects.patience.waits),
            "place": self._place,
            "outcome": outcome.model_dump_json() if done and outcome is not None else "",
        }

    def cleanup(self) -> None:
        """Cuts off a unit that is under way; its checkpoint stays."""
        if self._work is not None:
            self._work.cut_off(FAREWELL)

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
