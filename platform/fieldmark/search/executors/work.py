"""A run in a thread of its own, so that its process can say how far it is and can be asked to stop."""

import threading
from typing import TYPE_CHECKING

from fieldmark.data.experiment import ExperimentData
from fieldmark.search.interruption import CutOff
from fieldmark.search.tasks import Outcome, Task
from fieldmark.search.trial import run_trial

if TYPE_CHECKING:
    from fieldmark.store import Store


class Work:
    """A run that has been started."""

    def __init__(self, task: Task, data: ExperimentData, store: "Store", threads: int = 1) -> None:
        """Starts the run.

        Args:
            task: the run.
            data: the arrays.
            store: where records go.
            threads: torch's threads: the CPU share of a trial.
        """
        self.task = task
        self.epoch = 0
        """Finished epochs."""
        self.outcome: Outcome | None = None
        self._data = data
        self._store = store
        self._threads = threads
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=task.run_id, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits for the end at most so long; returns whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def cut_off(self, seconds: float) -> None:
        """Asks the run to save its state and stop, and waits for that at most so long."""
        self._stop.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            import torch

            torch.set_num_threads(self._threads)  # holds for this thread, not for the process
            self.outcome = run_trial(
                self.task, self._data, self._store, keep_going=lambda: not self._stop.is_set(), on_epoch=self._note
            )
        except CutOff:
            self.outcome = Outcome(run_id=self.task.run_id, kind="lost", message="it was cut off")
        except Exception as error:  # e.g. the store is not to be reached: nothing could be recorded
            self.outcome = Outcome(run_id=self.task.run_id, kind="lost", message=f"{type(error).__name__}: {error}")

    def _note(self, epoch: int) -> None:
        self.epoch = epoch
