"""Runs tasks one after the other in this process: for tests and debugging."""

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fieldmark.data.experiment import ExperimentData
from fieldmark.search.interruption import CutOff, KeepGoing
from fieldmark.search.tasks import Outcome, Task
from fieldmark.search.trial import run_trial

if TYPE_CHECKING:
    from fieldmark.store import Store


class LocalExecutor:
    """One task at a time, on one thread, as a Tune trial has it, so that the numbers are the same."""

    capacity = 1

    def __init__(self, data: ExperimentData, store: "Store", keep_going: KeepGoing = lambda: True) -> None:
        """Takes what tasks need.

        Args:
            data: the arrays.
            store: where records go.
            keep_going: asked between epochs.
        """
        import torch

        torch.set_num_threads(1)
        self._data = data
        self._store = store
        self._keep_going = keep_going
        self._waiting: deque[Task] = deque()
        self._epochs: dict[str, int] = {}

    def start(self, task: Task) -> None:
        """Takes a task; `poll` runs it."""
        self._waiting.append(task)

    def poll(self, timeout: float) -> list[Outcome]:
        """Runs the next task to its end, whatever the timeout."""
        if not self._waiting:
            return []
        task = self._waiting.popleft()

        def note(epoch: int) -> None:
            self._epochs[task.run_id] = epoch

        try:
            return [run_trial(task, self._data, self._store, keep_going=self._keep_going, on_epoch=note)]
        except CutOff:
            return []
        finally:
            self._epochs.clear()

    def epochs(self) -> Mapping[str, int]:
        """Returns the finished epochs of the task under way."""
        return dict(self._epochs)

    def stop(self) -> None:
        """Forgets what was not begun."""
        self._waiting.clear()
