"""A training from its flags to its result."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.data.observations import DataSet
from fieldmark.errors import StoreConflict
from fieldmark.machine import cores
from fieldmark.search.dryrun import existing_store
from fieldmark.search.interruption import CutOff, KeepGoing
from fieldmark.search.lease_keeper import LeaseKeeper, this_command
from fieldmark.search.tasks import Task
from fieldmark.search.training.bounds import commit_bounds
from fieldmark.search.training.dryrun import TrainDryRun, train_dry_run
from fieldmark.search.training.facts import train_facts
from fieldmark.search.training.interrupt import Interrupt
from fieldmark.search.training.job import Extension, Job, load_extensions, read_extensions
from fieldmark.search.training.options import TrainOptions
from fieldmark.search.training.own_code import check_own_code, keep_own_code
from fieldmark.search.training.plan import TrainPlan, build_plan
from fieldmark.search.training.preflight import check_model, check_start, check_store, threads_here
from fieldmark.search.training.progress import TrainProgress
from fieldmark.search.training.result import TrainResult, train_result
from fieldmark.search.training.seen import keep_seen, read_seen

if TYPE_CHECKING:
    from fieldmark.data.images.experiment import ImageExperiment
    from fieldmark.store import Store


def train_classifier(options: TrainOptions) -> TrainResult | TrainDryRun:
    """Trains a classifier, or goes on with it; the same options mean the same run.

    Returns:
        The result; with `dry_run`, the plan and its cost instead, and nothing is written.

    Raises:
        UserError: for data, a store, a cluster or flags with which nothing can be trained.
        StoreConflict: where another process trains this run.
        TrainingFailed: training raised; the attempt is recorded.
        KeyboardInterrupt: Ctrl-C, or (as `Terminated`) SIGTERM; the checkpoint stays.
    """
    from fieldmark.data.open import open_dataset

    extensions = read_extensions(options.extensions)
    load_extensions(extensions)
    dataset = open_dataset(options.data, protocol=options.protocol, max_bad_share=options.max_bad_share)
    known = existing_store(options.store)
    plan = build_plan(options, train_facts(dataset, options.data), known)
    notes = [] if known is None else _own_code(plan, extensions, known, options)
    if options.dry_run:
        return train_dry_run(plan, options, known)
    from fieldmark.store import Store

    check_start(plan, known)
    left = tuple(task for task in plan.runs if known is None or not known.has_run(task.run_id))
    if left:
        check_model(plan)  # before a store is made
    store = Store.open(options.store)
    check_store(store, plan)
    training = _Training(options, dataset, plan, store, extensions)
    training.run(left)
    seen = read_seen(store, plan.facts.card.fingerprint)
    return train_result(plan, store, seen, notes=notes, busy=training.busy)


def _own_code(plan: TrainPlan, extensions: tuple[Extension, ...], store: "Store", options: TrainOptions) -> list[str]:
    if not extensions:
        return []
    found = (check_own_code(task, extensions, store, same_numbers=options.same_numbers) for task in plan.runs)
    return [note for note in found if note is not None]


class _Training:
    """A training that is wanted."""

    def __init__(
        self,
        options: TrainOptions,
        dataset: DataSet,
        plan: TrainPlan,
        store: "Store",
        extensions: tuple[Extension, ...],
    ) -> None:
        self._options = options
        self._dataset = dataset
        self._plan = plan
        self._store = store
        self._extensions = extensions
        self.busy = ""
        """Who trains the image-only run just now, if another driver does."""

    def run(self, left: tuple[Task, ...]) -> None:
        """Does the runs that are left; each has one driver at a time."""
        for task in (one for one in self._plan.runs if one not in left):
            self._store.checkpoints(task.run_id).clear()  # of one who was killed right after the record
        if not left:
            commit_bounds(self._plan, self._dataset, self._store)
            return
        with ExitStack() as held, TrainProgress() as progress, Interrupt() as interrupt:
            taken = [(task, lease) for task in left if (lease := self._lease(task, held, progress)) is not None]
            leases = [lease for _, lease in taken]

            def keep_going() -> bool:
                return not interrupt.asked and all(lease.kept for lease in leases)

            try:
                self._train(tuple(task for task, _ in taken), progress, keep_going, interrupt)
            except CutOff:
                for lease in leases:
                    lease.check()
                progress.say(f"Stopped; the checkpoint stays. Go on with: {this_command()}")
                interrupt.leave()

    def _lease(self, task: Task, held: ExitStack, progress: TrainProgress) -> LeaseKeeper | None:
        """Returns a run's lease; None for a reference that another driver trains and nothing here must wait for."""
        lease = LeaseKeeper(self._store, task.run_id, takeover=self._options.takeover, what="run")
        try:
            held.enter_context(lease)
        except StoreConflict as error:
            if task.run_id in (self._plan.main.run_id, self._plan.start):
                raise
            self.busy = f"{str(error).rpartition('; ')[0]}; the same command again compares with it"
            progress.say(f"image only: {str(error).rpartition('; ')[0]}; this training goes on without it")
            return None
        return lease

    def _train(
        self, left: tuple[Task, ...], progress: TrainProgress, keep_going: KeepGoing, interrupt: Interrupt
    ) -> None:
        card = self._plan.facts.card
        self._store.put_card(card)
        self._store.put_categories(card.fingerprint, self._dataset.observations.categories)
        _own_code(self._plan, self._extensions, self._store, self._options)  # another driver may have begun since
        for task in left if self._extensions else ():
            keep_own_code(task, self._extensions, self._store)
        commit_bounds(self._plan, self._dataset, self._store)
        if not left:
            return
        data = self._images(progress)
        job = self._job(left)
        if self._plan.workers[-1] == 1:
            from fieldmark.search.training.here import train_here

            job = job.model_copy(update={"threads": job.threads or threads_here()})
            train_here(job, data, self._store, progress, keep_going)
            return
        from fieldmark.search.training.group import GroupTraining

        training = GroupTraining(
            job,
            self._store,
            progress,
            keep_going,
            workers=self._plan.workers,
            on_joined=interrupt.again,
            hang_after=self._options.hang_seconds,
        )
        training.run(data, address=self._options.address, max_failures=self._options.max_failures)

    def _images(self, progress: TrainProgress) -> "ImageExperiment":
        from fieldmark.data.images.prepare import prepare_images

        options, config = self._options, self._plan.config
        data, report = prepare_images(
            self._dataset,
            resolution=config.resolution,
            side=config.picture_side,
            cache=None if options.cache is None else Path(options.cache),
            pack=options.pack,
            max_bad_share=options.max_bad_share,
            processes=cores(),
            say=progress.say,
        )
        keep_seen(self._store, self._plan.facts.card.fingerprint, report)
        return data

    def _job(self, left: tuple[Task, ...]) -> Job:
        options = self._options
        return Job(
            runs=left,
            main=self._plan.main.run_id,
            start=self._plan.start,
            extensions=self._extensions,
            threads=options.threads or 0,
            loader_processes=options.loader_processes,
            compile=options.compile,
            weights_file=options.weights_file,
            keep_weights=options.keep_weights,
        )
