"""How units get into Tune and outcomes out of it: a searcher that searches nothing."""

import queue
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.search import Searcher
from ray.tune.stopper import Stopper

from fieldmark.errors import UserError
from fieldmark.search.executors.bench import Unit
from fieldmark.search.executors.pulse import HANG_AFTER, Pulse
from fieldmark.search.executors.work import COULD_NOT, not_begun
from fieldmark.search.out_of_memory import OF_RAY
from fieldmark.search.tasks import Outcome

AFTER_AN_END = 0.25
"""Seconds to wait for the next unit when a trial has just ended, so that its actor is reused."""
WHILE_IDLE = 0.1
MISTAKE = "UserError: "
"""In what Ray says of a process that could not begin, e.g. as a node that joined later does not reach the store."""
MOST_BEGINNINGS = 3
"""Trials that could not begin for the same reason, after which it is the cluster that has to be mended: a node that
takes every trial and begins with none would have all of them given up."""
NO_SIGN = -1
"""No count of signs: a trial's first one is another."""


class Mailbox:
    """What the driver's two threads share: the sweep puts units in, Tune puts outcomes in."""

    def __init__(self, hang_after: float = HANG_AFTER) -> None:
        self.pulse = Pulse(hang_after)
        """Of the runs under way."""
        self.places: dict[str, tuple[str, int]] = {}
        """Their processes: Ray's id of the node, and the process's id there."""
        self.actors: dict[str, Any] = {}
        """Of runs that Ray says have started: the handles of their actors."""
        self.units: queue.SimpleQueue[tuple[Unit, dict[str, float]]] = queue.SimpleQueue()
        """With what each asks Ray for."""
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.epochs: dict[str, int] = {}
        """Finished epochs of runs under way."""
        self.unrecorded: set[str] = set()
        """Runs that ended in a way that they could not record themselves."""
        self.placed = 0
        """Trials that a process has begun with, ever."""
        self.signs = 0
        """Grows with every sign of life of a trial."""
        self.mistakes: Counter[str] = Counter()
        """Why processes could not begin, and how many, since one could."""
        self.stopping = threading.Event()

    def check_beginnings(self) -> None:
        """Ends a sweep whose trials cannot begin.

        Raises:
            UserError: with the reason.
        """
        for mistake, count in self.mistakes.most_common(1):
            if count >= MOST_BEGINNINGS:
                raise UserError(f"{mistake}: {count} trials could not begin; mend it, and the same command goes on")


class TaskSearcher(Searcher):
    """Suggests the units of a mailbox, in order, and posts how they ended."""

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__(metric="epoch", mode="max")
        self._mailbox = mailbox
        self._run_ids: dict[str, str] = {}
        self._begun: set[str] = set()
        """Runs under way whose processes have begun with them."""
        self._just_ended = False

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Returns the next unit; None while there is none; FINISHED when the sweep stops."""
        found = self._next()
        if found is None:
            return Searcher.FINISHED if self._mailbox.stopping.is_set() else None
        unit, asks = found
        self._run_ids[trial_id] = unit.run_id
        return {"run_id": unit.run_id, "unit": unit.model_dump_json(), "asks": asks}

    def started(self, trial_id: str, actor: Any) -> None:
        """Hears that a trial has a process: from now on its silence counts."""
        run_id = self._run_ids[trial_id]
        self._mailbox.actors[run_id] = actor
        self._mailbox.pulse.hear(run_id, NO_SIGN)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Notes how far a run is, and whether it has given a sign of life."""
        run_id, mailbox = self._run_ids[trial_id], self._mailbox
        mailbox.signs += 1
        mailbox.placed += run_id not in mailbox.places
        if result["begun"] and run_id not in self._begun:
            self._begun.add(run_id)
            mailbox.mistakes.clear()
        mailbox.epochs[run_id] = int(result["epoch"])
        mailbox.places[run_id] = result["place"]
        mailbox.pulse.hear(run_id, result["signs"])

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Posts the outcome; of a process that has died `Deaths` tells more."""
        text = "" if error or result is None else result.get("outcome", "")
        if text:
            self._post(trial_id, Outcome.model_validate_json(text))
        elif not error:
            self.died(trial_id, "")

    def died(self, trial_id: str, text: str) -> None:
        """Posts that a trial has lost its process, and what Ray says of it."""
        run_id = self._run_ids[trial_id]
        if line := _line_with(OF_RAY, text):
            message = f"Ray's memory monitor ended its process: {line}"
            self._mailbox.unrecorded.add(run_id)
            self._post(trial_id, Outcome(run_id=run_id, kind="out_of_memory", message=message))
            return
        if mistake := _line_with(MISTAKE, text).partition(MISTAKE)[2]:
            self._post(trial_id, not_begun(run_id, mistake))
        else:
            self._post(trial_id, Outcome(run_id=run_id, kind="lost", message="its process died"))

    def _post(self, trial_id: str, outcome: Outcome) -> None:
        run_id, mailbox = self._run_ids.pop(trial_id), self._mailbox
        mailbox.signs += 1
        epoch = mailbox.epochs.pop(run_id, 0)
        mailbox.places.pop(run_id, None)
        mailbox.actors.pop(run_id, None)
        mailbox.pulse.forget(run_id)
        self._begun.discard(run_id)
        if outcome.kind == "not_begun":
            mailbox.mistakes[outcome.message.removeprefix(COULD_NOT)] += 1
        mailbox.outcomes.put(outcome.model_copy(update={"epoch": epoch}))
        self._just_ended = True

    def _next(self) -> tuple[Unit, dict[str, float]] | None:
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


class Deaths(tune.Callback):
    """Tells the searcher what Tune tells no searcher: that a trial has a process, and why that has died."""

    def __init__(self, searcher: TaskSearcher) -> None:
        self._searcher: TaskSearcher | None = searcher

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Passes on that a trial has an actor, be it a new one or one that is reused."""
        if self._searcher is not None:
            self._searcher.started(trial.trial_id, trial.temporary_state.ray_actor)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Passes on what Tune has written down; it is called right after the searcher."""
        if self._searcher is not None:
            file = trial.error_file
            self._searcher.died(trial.trial_id, "" if file is None else Path(file).read_text(errors="replace"))

    def __getstate__(self) -> dict[str, Any]:
        return {"_searcher": None}


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


def _line_with(words: str, text: str) -> str:
    return next((line for line in text.splitlines() if words in line), "")
