"""Does the runs of a sweep of PriorsNet, baselines among them."""

from typing import TYPE_CHECKING

from fieldmark.data.experiment import ExperimentData
from fieldmark.search.executors.bench import OnEpoch
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.tasks import Outcome, Task
from fieldmark.search.trial import run_trial

if TYPE_CHECKING:
    from fieldmark.store import Store


class PriorsNetBench:
    """A bench of `Task`s on one thread, the CPU share of a trial."""

    def __init__(self, data: ExperimentData, store: "Store") -> None:
        """Takes the arrays, and where records go."""
        import fieldmark.training.evaluation
        import fieldmark.training.priorsnet  # noqa: F401 - so that no run's cost contains it

        self._data = data
        self._store = store

    def parse(self, text: str) -> Task:
        """Returns the task of a text."""
        return Task.model_validate_json(text)

    def do(self, unit: Task, *, keep_going: KeepGoing = lambda: True, on_epoch: OnEpoch = lambda _: None) -> Outcome:
        """Does a run unless it is recorded; see `run_trial`."""
        import torch

        torch.set_num_threads(1)  # holds for this thread, not for the process
        return run_trial(unit, self._data, self._store, keep_going=keep_going, on_epoch=on_epoch)
