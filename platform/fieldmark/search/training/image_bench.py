"""Does image units: trains a classifier, whole or on frozen features, and evaluates it under further views."""

import traceback
from typing import TYPE_CHECKING

from fieldmark.config import FrozenConfig, View
from fieldmark.data.open import MAX_BAD_SHARE
from fieldmark.errors import UserError
from fieldmark.evaluation.limits import BUDGET
from fieldmark.machine import give_back_memory
from fieldmark.search.executors.bench import OnEpoch
from fieldmark.search.executors.ending import own_cores
from fieldmark.search.image_task import ImageTask
from fieldmark.search.interruption import CutOff, KeepGoing
from fieldmark.search.out_of_memory import kind_of
from fieldmark.search.stopwatch import Start
from fieldmark.search.tasks import Outcome
from fieldmark.search.training import job
from fieldmark.search.training.image_data import ImageData, Say, fields_of
from fieldmark.search.training.job import Extension, load_extensions
from fieldmark.search.training.kept import Kept
from fieldmark.search.trial import record_failure
from fieldmark.store.records import stopped_id

if TYPE_CHECKING:
    from fieldmark.store import Store
    from fieldmark.training.frozen.features import Features

FEATURE_BYTES = 1 << 30
"""Of cached features that a process keeps between units; larger ones it keeps of the last image-only model alone."""


def is_done(unit: ImageTask, store: "Store") -> bool:
    """Whether nothing is left of a unit; torch is not imported.

    It is done, too, when its sweep has stopped the run early.
    """
    # A record that is not there costs several requests, one that is there one: what is usual is asked for first.
    return not views_left(unit, store) if store.has_run(unit.run_id) else _is_stopped(unit, store)


def is_trained(unit: ImageTask, store: "Store") -> bool:
    """Whether a unit's run is recorded, or its sweep has stopped it early."""
    return store.has_run(unit.run_id) or _is_stopped(unit, store)


def views_left(unit: ImageTask, store: "Store") -> list[str]:
    """Returns the texts of a recorded run's views that are not evaluated, or whose probabilities are not kept yet."""
    if not (unit.views or unit.probabilities):
        return []
    from fieldmark.evaluation.record import has_view

    config, texts = fields_of(unit), dict.fromkeys((*unit.views, *unit.probabilities))
    return [
        text for text in texts if not has_view(store, unit.run_id, config, View.parse(text), text in unit.probabilities)
    ]


class ImageBench:
    """A bench of `ImageTask`s in one process; opened data sets, pictures and torch stay between units."""

    def __init__(
        self,
        store: "Store",
        *,
        cache: str | None = None,
        threads: int = 1,
        loader_processes: int | None = None,
        probabilities_budget: int = BUDGET,
        max_bad_share: float = MAX_BAD_SHARE,
        extensions: tuple[Extension, ...] = (),
        say: Say = lambda _: None,
    ) -> None:
        """Imports what training needs, so that no run's cost contains it.

        Args:
            store: where checkpoints, weights and records go.
            cache: folder of packed pictures; None: the user's.
            threads: of torch; another number than one changes the last digits.
            loader_processes: that prepare pictures; None: as `job.loader_processes` says.
            probabilities_budget: bytes that all kept probabilities of the store may take.
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
        self.data = ImageData(store, cache=cache, max_bad_share=max_bad_share, say=self._say)
        self._shows = say
        self._keep_going: KeepGoing = lambda: True
        self._store = store
        self._threads = threads
        self._probabilities_budget = probabilities_budget
        self._device = "cuda" if torch.cuda.is_available() else "cpu"  # Ray shows an actor the GPUs that it was given
        cores = own_cores() if self._device != "cpu" else threads
        self._loader_processes = job.loader_processes(loader_processes, self._device, cores)
        self._features: Kept[Features] = Kept(FEATURE_BYTES, weigh=lambda features: features.nbytes)

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
        self._keep_going = keep_going
        started = Start.now()
        try:
            if is_trained(unit, self._store):
                self._store.checkpoints(unit.run_id).clear()  # of one who was killed right after the record
            else:
                self._train(unit, keep_going, on_epoch)
            if self._store.has_run(unit.run_id):  # else its sweep has stopped it early
                self._evaluate(unit, keep_going)
        except CutOff:
            raise
        except Exception as error:
            message = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            record_failure(self._store, unit.task, message, started, traceback.format_exc())
            return Outcome(run_id=unit.run_id, kind=kind_of(error), message=message)
        finally:
            give_back_memory()  # a process does units of all sizes, one after another
        return Outcome(run_id=unit.run_id, kind="recorded")

    def _say(self, line: str) -> None:
        """Shows how making packs goes, which is a sign of life: asking whether to go on gives it."""
        self._keep_going()
        self._shows(line)

    def _train(self, unit: ImageTask, keep_going: KeepGoing, on_epoch: OnEpoch) -> None:
        from fieldmark.search.training.run import Circumstances, do_run
        from fieldmark.training.classifier.execution import Execution
        from fieldmark.training.classifier.workers import Workers

        execution = Execution(
            device=self._device,
            loader_processes=self._loader_processes,
            on_epoch=lambda epoch, _: on_epoch(epoch),
            on_batch=keep_going,
        )
        how = Circumstances(workers=Workers(), execution=execution, keep_going=keep_going)
        data = self.data.experiment(unit)
        if isinstance(unit.task.spec.config, FrozenConfig):
            from fieldmark.search.training.frozen_run import do_frozen_run

            do_frozen_run(unit.task, data, self._store, how, self._features)
        else:
            do_run(unit.task, data, self._store, how, start=unit.start)

    def _evaluate(self, unit: ImageTask, keep_going: KeepGoing) -> None:
        for text in views_left(unit, self._store):
            from fieldmark.evaluation.record import evaluate_view

            if not keep_going():
                raise CutOff
            pictures, kept = self.data.pictures(unit), text in unit.probabilities
            evaluate_view(
                self._store,
                unit.run_id,
                View.parse(text),
                pictures,
                keep_probabilities=kept,
                probabilities_budget=self._probabilities_budget,
                device=self._device,
                on_batch=keep_going,
            )


def _is_stopped(unit: ImageTask, store: "Store") -> bool:
    """Whether a unit's sweep has stopped its run early; of one that may not be stopped the store is not asked."""
    return unit.task.early_stopping and store.has_run(stopped_id(unit.run_id, unit.task.trial.sweep))
