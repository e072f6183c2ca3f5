"""Does image units: trains a classifier, whole or on frozen features, and evaluates it under further views."""

import time
import traceback
from typing import TYPE_CHECKING

from fieldmark.config import FrozenConfig, View
from fieldmark.data.open import MAX_BAD_SHARE
from fieldmark.errors import UserError
from fieldmark.search.executors.bench import OnEpoch
from fieldmark.search.image_task import ImageTask
from fieldmark.search.interruption import CutOff, KeepGoing
from fieldmark.search.ledger import stopped_id
from fieldmark.search.tasks import Outcome
from fieldmark.search.training.image_data import ImageData, Say
from fieldmark.search.training.job import Extension, load_extensions
from fieldmark.search.trial import record_failure

if TYPE_CHECKING:
    from fieldmark.store import Store


def is_done(unit: ImageTask, store: "Store") -> bool:
    """Whether nothing is left of a unit; torch is not imported.

    It is done, too, when its sweep has stopped the run early.
    """
    return _is_stopped(unit, store) or (store.has_run(unit.run_id) and not views_left(unit, store))


def is_trained(unit: ImageTask, store: "Store") -> bool:
    """Whether a unit's run is recorded, or its sweep has stopped it early."""
    return store.has_run(unit.run_id) or _is_stopped(unit, store)


def views_left(unit: ImageTask, store: "Store") -> list[str]:
    """Returns the texts of the views that are still to be evaluated, or whose probabilities are still to be kept."""
    if not (unit.views or unit.probabilities):
        return []
    from fieldmark.evaluation.record import is_evaluated

    texts = dict.fromkeys((*unit.views, *unit.probabilities))
    run_id = unit.run_id
    return [text for text in texts if not is_evaluated(store, run_id, View.parse(text), text in unit.probabilities)]


class ImageBench:
    """A bench of `ImageTask`s in one process; opened data sets, pictures and torch stay between units."""

    def __init__(
        self,
        store: "Store",
        *,
        cache: str | None = None,
        threads: int = 1,
        max_bad_share: float = MAX_BAD_SHARE,
        extensions: tuple[Extension, ...] = (),
        say: Say = lambda _: None,
    ) -> None:
        """Imports what training needs, so that no run's cost contains it.

        Args:
            store: where checkpoints, weights and records go.
            cache: folder of packed pictures; None: the user's.
            threads: of torch; another number than one changes the last digits.
            max_bad_share: of records or pictures that may be left out.
            extensions: a user's files.
            say: told how making packs goes.

        Raises:
            UserError: a user's file cannot be run.
        """
        import torch

        import fieldmark.search.training.run
        import fieldmark.training.classifier.fit  # noqa: F401 - see above

        load_extensions(extensions)
        self.data = ImageData(store, cache=cache, max_bad_share=max_bad_share, say=say)
        self._store = store
        self._threads = threads
        self._device = "cuda" if torch.cuda.is_available() else "cpu"

    def parse(self, text: str) -> ImageTask:
        """Returns the unit of a text."""
        return ImageTask.model_validate_json(text)

    def do(
        self, unit: ImageTask, *, keep_going: KeepGoing = lambda: True, on_epoch: OnEpoch = lambda _: None
    ) -> Outcome:
        """Trains what is not recorded, then evaluates the views that are not.

        Raises:
            CutOff: it was asked to stop; the checkpoint, or the views evaluated so far, stay.
        """
        import torch

        torch.set_num_threads(self._threads)  # holds for this thread, not for the process
        started = time.time()
        try:
            if is_trained(unit, self._store):
                self._store.checkpoints(unit.run_id).clear()  # of one who was killed right after the record
            else:
                self._train(unit, keep_going, on_epoch)
            if not _is_stopped(unit, self._store):
                self._evaluate(unit, keep_going)
        except CutOff:
            raise
        except Exception as error:
            message = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            record_failure(self._store, unit.task, message, started, traceback.format_exc())
            return Outcome(run_id=unit.run_id, kind="failed", message=message)
        return Outcome(run_id=unit.run_id, kind="recorded")

    def _train(self, unit: ImageTask, keep_going: KeepGoing, on_epoch: OnEpoch) -> None:
        from fieldmark.search.training.run import Circumstances, do_run
        from fieldmark.training.classifier.execution import Execution
        from fieldmark.training.classifier.workers import Workers

        execution = Execution(device=self._device, on_epoch=lambda epoch, _: on_epoch(epoch))
        how = Circumstances(workers=Workers(), execution=execution, keep_going=keep_going)
        data = self.data.experiment(unit)
        if isinstance(unit.task.spec.config, FrozenConfig):
            from fieldmark.search.training.frozen_run import do_frozen_run

            do_frozen_run(unit.task, data, self._store, how)
        else:
            do_run(unit.task, data, self._store, how, start=unit.start)

    def _evaluate(self, unit: ImageTask, keep_going: KeepGoing) -> None:
        for text in views_left(unit, self._store):
            from fieldmark.evaluation.record import evaluate_view

            if not keep_going():
                raise CutOff
            pictures, kept = self.data.pictures(unit), text in unit.probabilities
            view = View.parse(text)
            evaluate_view(self._store, unit.run_id, view, pictures, keep_probabilities=kept, device=self._device)


def _is_stopped(unit: ImageTask, store: "Store") -> bool:
    return store.has_run(stopped_id(unit.run_id, unit.task.trial.sweep))
