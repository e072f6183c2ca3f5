"""A unit in a thread of its own, so that its process can say how far it is and can be asked to stop."""

import threading
from collections.abc import Callable
from typing import Any

from fieldmark.errors import UserError
from fieldmark.search.executors.bench import Bench, do
from fieldmark.search.interruption import CutOff
from fieldmark.search.tasks import Outcome

COULD_NOT = "its process could not begin: "


def not_begun(run_id: str, why: str) -> Outcome:
    """Returns the outcome of a unit whose process could not begin with it, e.g. as its node has no such store."""
    return Outcome(run_id=run_id, kind="not_begun", message=COULD_NOT + why)


def _lost(run_id: str, error: Exception) -> Outcome:
    return Outcome(run_id=run_id, kind="lost", message=f"{type(error).__name__}: {error}")


class Work:
    """A unit that has been started."""

    def __init__(self, run_id: str, text: str, bench: Callable[[], Bench[Any]]) -> None:
        """Starts the unit of a text.

        Args:
            run_id: of the unit.
            text: of the unit.
            bench: returns a bench of its kind, which may take a while.
        """
        self.begun = False
        """Whether there is a bench."""
        self.epoch = 0
        """Finished epochs."""
        self.signs = 0
        """Signs of life so far: epochs, and questions whether to go on."""
        self.outcome: Outcome | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(run_id, text, bench), name=run_id, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits for the end at most so long; returns whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def cut_off(self, seconds: float) -> None:
        """Asks the run to save its state and stop, and waits for that at most so long."""
        self._stop.set()
        self._thread.join(seconds)

    def _run(self, run_id: str, text: str, make: Callable[[], Bench[Any]]) -> None:
        try:
            bench = make()
            self.begun = True
            self.outcome = do(bench, text, self._keep_going, self._note)
        except CutOff:
            self.outcome = Outcome(run_id=run_id, kind="lost", message="it was cut off")
        except UserError as error:
            self.outcome = not_begun(run_id, str(error)) if not self.begun else _lost(run_id, error)
        except Exception as error:  # e.g. the store is not to be reached: nothing could be recorded
            self.outcome = _lost(run_id, error)

    def _keep_going(self) -> bool:
        self.signs += 1
        return not self._stop.is_set()

    def _note(self, epoch: int) -> None:
        self.signs += 1
        self.epoch = epoch
