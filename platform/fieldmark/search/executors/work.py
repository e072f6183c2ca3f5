"""A unit in a thread of its own, so that its process can say how far it is and can be asked to stop."""

import threading
from typing import Any

from fieldmark.search.executors.bench import Bench, Unit
from fieldmark.search.interruption import CutOff
from fieldmark.search.tasks import Outcome


class Work:
    """A unit that has been started."""

    def __init__(self, unit: Unit, bench: Bench[Any]) -> None:
        """Starts a unit on a bench of its kind."""
        self.unit = unit
        self.epoch = 0
        """Finished epochs."""
        self.signs = 0
        """Signs of life so far: epochs, and questions whether to go on."""
        self.outcome: Outcome | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(bench,), name=unit.run_id, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Waits for the end at most so long; returns whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def cut_off(self, seconds: float) -> None:
        """Asks the run to save its state and stop, and waits for that at most so long."""
        self._stop.set()
        self._thread.join(seconds)

    def _run(self, bench: Bench[Any]) -> None:
        run_id = self.unit.run_id
        try:
            self.outcome = bench.do(self.unit, keep_going=self._keep_going, on_epoch=self._note)
        except CutOff:
            self.outcome = Outcome(run_id=run_id, kind="lost", message="it was cut off")
        except Exception as error:  # e.g. the store is not to be reached: nothing could be recorded
            self.outcome = Outcome(run_id=run_id, kind="lost", message=f"{type(error).__name__}: {error}")

    def _keep_going(self) -> bool:
        self.signs += 1
        return not self._stop.is_set()

    def _note(self, epoch: int) -> None:
        self.signs += 1
        self.epoch = epoch
