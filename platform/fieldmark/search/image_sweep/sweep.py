"""An image sweep from its flags to its result."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.data.observations import DataSet
from fieldmark.errors import UserError
from fieldmark.search.budget.mine import Mine
from fieldmark.search.budget.report import Spending, spending
from fieldmark.search.command import End, SweepCommand
from fieldmark.search.dryrun import existing_store
from fieldmark.search.executors.base import Executor
from fieldmark.search.history import history_notes
from fieldmark.search.image_sweep.build import build_plan
from fieldmark.search.image_sweep.dryrun import ImageDryRun, image_dry_run
from fieldmark.search.image_sweep.ledger import ImageLedger
from fieldmark.search.image_sweep.options import ImageSweepOptions
from fieldmark.search.image_sweep.plan import ImageSweepPlan
from fieldmark.search.image_sweep.result import (
    Bound,
    ImageSweepResult,
    best_of,
    front_of,
    is_enough,
    setting_results,
)
from fieldmark.search.image_sweep.scheduler import ImageScheduler
from fieldmark.search.image_sweep.stored import stored_plan
from fieldmark.search.image_sweep.warm import WarmStart, expected, warm_start
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.lease_keeper import LeaseKeeper
from fieldmark.search.progress import Progress
from fieldmark.search.proposals import Proposals
from fieldmark.search.result import FailedRun
from fieldmark.search.sweep import LOOSE_RECORDS
from fieldmark.search.training.facts import train_facts

if TYPE_CHECKING:
    from fieldmark.store import Store

REPORTS = Path("reports")


def sweep_images(options: ImageSweepOptions, *, reports: Path = REPORTS) -> ImageSweepResult | ImageDryRun:
    """Runs a sweep of image classifiers, or goes on with it; the same options mean the same sweep.

    Args:
        options: of a sweep over fusions or over resolutions.
        reports: folder of the figures' folders.

    Returns:
        The result; with `dry_run`, the plan and its cost instead, and nothing is written.

    Raises:
        UserError: for data, a store or flags with which no sweep can be run.
        StoreConflict: where another process drives this sweep.
    """
    from fieldmark.data.open import open_dataset

    started = time.monotonic()
    dataset = open_dataset(options.data, protocol=options.protocol, max_bad_share=options.max_bad_share)
    plan = build_plan(options, train_facts(dataset, options.data))
    if options.dry_run:
        return image_dry_run(plan, options, existing_store(options.store))
    from fieldmark.store import Store

    _check_model(plan)  # before a store is made
    if plan.warm_start is not None:
        expected(existing_store(options.store) or Store.open("memory://"), plan)
    store = Store.open(options.store)
    store.probe()
    if options.executor == "tune" and store.url.startswith("memory://"):
        raise UserError("--store memory:// lives in one process: use --executor local, or a folder")
    with Progress() as progress, LeaseKeeper(store, plan.sweep_id, takeover=options.takeover) as lease:
        return _Sweep(options, plan, dataset, store, progress, lease, reports).run(started)


def _check_model(plan: ImageSweepPlan) -> None:
    """Refuses a backbone that there is none of, or that the settings tried first do not fit."""
    from fieldmark.config import ClassifierConfig
    from fieldmark.models.describe import describe_classifier

    whole = {
        (one.backbone, one.resolution): one
        for group in plan.groups
        if isinstance(one := group.start or group.config, ClassifierConfig)
    }
    for config in whole.values():
        describe_classifier(config, plan.facts.card.categories)


class _Sweep:
    """A sweep that holds its lease."""

    def __init__(
        self,
        options: ImageSweepOptions,
        plan: ImageSweepPlan,
        dataset: DataSet,
        store: "Store",
        progress: Progress,
        lease: LeaseKeeper,
        reports: Path,
    ) -> None:
        self._options = options
        self._plan = plan
        self._dataset = dataset
        self._store = store
        self._progress = progress
        self._lease = lease
        self._reports = reports

    def run(self, started: float) -> ImageSweepResult:
        """Does what is left of the sweep."""
        plan, store = self._plan, self._store
        warm = warm_start(store, plan)
        if plan.warm_start is not None:
            self._progress.say(warm.note)
        store.put_card(plan.facts.card)
        ledger = ImageLedger(store, plan)
        scheduler = ImageScheduler(plan, ledger, Proposals(store, plan.sweep_id), warm.groups)
        store.put_plan(plan.sweep_id, stored_plan(plan, scheduler, warm.groups))
        command = SweepCommand(self._options, Mine(store, plan.sweep_id), self._progress, self._lease, started=started)
        end = command.drive(scheduler, self._make_executor)
        bounds = [] if end.interrupted else self._bounds(scheduler)
        store.put_plan(plan.sweep_id, stored_plan(plan, scheduler, warm.groups))
        if len(store.list("records")) > LOOSE_RECORDS:
            store.compact()
        figures = [] if end.interrupted else self._figures()
        seconds = time.monotonic() - started
        return self._result(scheduler, ledger, warm, bounds, figures, end, spending(command.meter), seconds)

    def _make_executor(self, keep_going: KeepGoing) -> Executor:
        from fieldmark.search.executors.images import image_executor

        options = self._options
        return image_executor(
            self._store,
            local=options.executor == "local",
            address=options.address,
            workers=options.workers,
            cache=options.cache,
            max_concurrent=options.max_concurrent,
            max_bad_share=options.max_bad_share,
            keep_going=keep_going,
            say=self._progress.say,
            hang_after=options.hang_seconds,
        )

    def _bounds(self, scheduler: ImageScheduler) -> list[Bound]:
        """Returns what the world allows to the settings that were run to their end."""
        from fieldmark.search.image_sweep.bounds import bounds_of

        complete = [group for group in scheduler.groups() if scheduler.stands(group).state == "complete"]
        return bounds_of(self._plan, complete, self._dataset, self._store)

    def _figures(self) -> list[str]:
        """Draws what can be drawn: results count more than pictures."""
        if not self._options.figures:
            return []
        self._progress.say("drawing figures ...")
        try:
            from fieldmark.figures.image_sweep import write_sweep_figures

            folder = self._reports / self._plan.sweep_id[:10]
            return [str(path) for path in write_sweep_figures(self._store, self._plan.sweep_id, folder)]
        except (UserError, OSError, ImportError) as error:
            print(f"no figures: {error}", file=sys.stderr)
            return []

    def _result(
        self,
        scheduler: ImageScheduler,
        ledger: ImageLedger,
        warm: WarmStart,
        bounds: list[Bound],
        figures: list[str],
        end: End,
        spent: Spending,
        seconds: float,
    ) -> ImageSweepResult:
        plan = self._plan
        settings = setting_results(plan, scheduler, ledger, self._store)
        best = best_of(settings)
        return ImageSweepResult(
            sweep=plan.sweep_id,
            space=plan.space.NAME,
            dataset=plan.facts.card.name,
            protocol=plan.facts.card.protocol,
            scale=plan.described,
            frozen=plan.frozen,
            objectives=list(plan.objectives),
            front_of=list(front_of(plan)),
            sampler=plan.sampler,
            new_runs=len(scheduler.new_runs),
            done_runs=scheduler.done_before,
            failed_runs=len(scheduler.failures),
            planned_runs=scheduler.planned,
            failures=[FailedRun(run_id=one.task.run_id, message=one.message) for one in scheduler.failures],
            settings=settings,
            best=best,
            enough_for_best=is_enough(best),
            bounds=bounds,
            seconds=seconds,
            spending=spent,
            interrupted=end.interrupted,
            terminated=end.terminated,
            cut_off=list(end.cut_off),
            budget_spent=bool(scheduler.closed) and not end.interrupted,
            limit=end.limit,
            figures=figures,
            notes=[
                *plan.notes,
                *([] if plan.warm_start is None else [warm.note]),
                *history_notes(plan.sampler, len(scheduler.told())),
            ],
        )
