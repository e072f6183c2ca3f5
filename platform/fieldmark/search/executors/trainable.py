"""A Tune trial: one run a trial, many trials an actor."""

from typing import Any

from ray import tune

from fieldmark.data.experiment import ExperimentData
from fieldmark.search.executors.work import Work
from fieldmark.search.tasks import Task

SLICE = 2.0
"""Seconds after which a trial says how far it is."""
FAREWELL = 8.0
"""Seconds that a run has to save its state when it is cut off."""


class TrialActor(tune.Trainable):
    """Does the run of ``config["task"]``; an actor that is reused keeps its libraries, data and store."""

    def setup(self, config: dict[str, Any], data: ExperimentData | None = None, store_url: str = "") -> None:
        """Opens the store and starts the first run. Data lie in Ray's object store and are mapped, not copied."""
        import fieldmark.training.evaluation
        import fieldmark.training.priorsnet  # noqa: F401 - so that no run's cost contains it
        from fieldmark.store import Store

        assert data is not None
        self._data = data
        self._store = Store.open(store_url, create=False)
        self._work = self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Starts the next run in the same actor."""
        self._work.cut_off(FAREWELL)
        self._work = self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Waits for the end of the run or of a slice."""
        done = self._work.wait(SLICE)
        outcome = self._work.outcome
        return {
            "done": done,
            "epoch": self._work.epoch,
            "outcome": outcome.model_dump_json() if done and outcome is not None else "",
        }

    def cleanup(self) -> None:
        """Cuts off a run that is under way; its checkpoint stays."""
        self._work.cut_off(FAREWELL)

    def _begin(self, config: dict[str, Any]) -> Work:
        return Work(Task.model_validate_json(config["task"]), self._data, self._store)
