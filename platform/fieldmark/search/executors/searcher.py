"""How units get into Tune and outcomes out of it: a searcher that searches nothing."""

import queue
import threading
from typing import Any

from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from fieldmark.search.executors.bench import Unit
from fieldmark.search.tasks import Outcome

AFTER_AN_END = 0.25
"""Seconds to wait for the next unit when a trial has just ended, so that its actor is reused."""
WHILE_IDLE = 0.1


class Mailbox:
    """What the driver's two threads share: the sweep puts units in, Tune puts outcomes in."""

    def __init__(self) -> None:
        self.units: queue.SimpleQueue[Unit] = queue.SimpleQueue()
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.epochs: dict[str, int] = {}
        """Finished epochs of runs under way."""
        self.signs = 0
        """Grows with every sign of life of a trial."""
        self.stopping = threading.Event()


class TaskSearcher(Searcher):
    """Suggests the units of a mailbox, in order, and posts how they ended."""

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__(metric="epoch", mode="max")
        self._mailbox = mailbox
        self._run_ids: dict[str, str] = {}
        self._just_ended = False

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Returns the next unit; None while there is none; FINISHED when the sweep stops."""
        unit = self._next()
        if unit is None:
            return Searcher.FINISHED if self._mailbox.stopping.is_set() else None
        self._run_ids[trial_id] = unit.run_id
        return {"unit": unit.model_dump_json()}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Notes how far a run is."""
        self._mailbox.signs += 1
        self._mailbox.epochs[self._run_ids[trial_id]] = int(result["epoch"])

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Posts the outcome; a trial that ended without one has lost its process."""
        run_id = self._run_ids.pop(trial_id)
        text = "" if error or result is None else result.get("outcome", "")
        lost = Outcome(run_id=run_id, kind="lost", message="its process died")
        self._mailbox.signs += 1
        self._mailbox.epochs.pop(run_id, None)
        self._mailbox.outcomes.put(Outcome.model_validate_json(text) if text else lost)
        self._just_ended = True

    def _next(self) -> Unit | None:
        """Returns a unit, waiting for one where Tune has nothing else to do (it would sleep for a second)."""
        while not self._mailbox.stopping.is_set():
            wait = AFTER_AN_END if self._just_ended else 0.0 if self._run_ids else WHILE_IDLE
            self._just_ended = False
            try:
                return self._mailbox.units.get(block=wait > 0, timeout=wait or None)
            except queue.Empty:
                if self._run_ids:
                    return None
        return None

    # Tune keeps its state in files; ours is in the store, and nothing of Tune's is ever restored.

    def save(self, checkpoint_path: str) -> None:
        """Keeps nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restores nothing."""

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Keeps nothing."""

    def get_state(self) -> dict[str, Any]:
        """Returns nothing to keep."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {}


class StopWhenAsked(Stopper):
    """Ends Tune's experiment when the sweep stops."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox: Mailbox | None = mailbox

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """No single trial is stopped from here."""
        return False

    def stop_all(self) -> bool:
        """Whether everything is to end."""
        return self._mailbox is not None and self._mailbox.stopping.is_set()

    def __getstate__(self) -> dict[str, Any]:
        return {"_mailbox": None}
