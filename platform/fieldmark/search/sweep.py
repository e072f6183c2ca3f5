"""A sweep from its flags to its result."""

import time
from functools import partial
from typing import TYPE_CHECKING

from fieldmark.search.budget.limits import Larger
from fieldmark.search.budget.mine import Mine
from fieldmark.search.budget.report import Spending, spending
from fieldmark.search.command import End, SweepCommand
from fieldmark.search.dryrun import DryRun, dry_run
from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.priorsnet_bench import PriorsNetBench
from fieldmark.search.facts import facts_of
from fieldmark.search.history import history_notes
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.lease_keeper import LeaseKeeper, this_command
from fieldmark.search.ledger import Ledger
from fieldmark.search.options import SweepOptions
from fieldmark.search.plan import SweepPlan, build_plan
from fieldmark.search.preflight import check_data, check_places, check_store
from fieldmark.search.preparation import Preparation
from fieldmark.search.progress import Progress
from fieldmark.search.proposals import Proposals
from fieldmark.search.result import FailedRun, SweepResult, baseline_metrics, best_of
from fieldmark.search.stages.bounds import read_bounds
from fieldmark.search.stages.images import read_given_scores
from fieldmark.search.stages.keys import baselines_key, stage_keys

if TYPE_CHECKING:
    from fieldmark.search.scheduler import Scheduler
    from fieldmark.store import Store

LOOSE_RECORDS = 500
"""So many loose files, and the store is compacted at the end."""


def sweep_priorsnet(options: SweepOptions, *, larger: Larger | None = None) -> SweepResult | DryRun:
    """Runs a sweep of PriorsNet, or goes on with it; the same options mean the same sweep.

    Args:
        options: the flags.
        larger: the command that the sweep is only a part of: the budget is of both.

    Returns:
        The result; with `dry_run`, the plan and its cost instead, and nothing is written.

    Raises:
        UserError: for data, a store or flags with which no sweep can be run.
        StoreConflict: where another process drives this sweep.
    """
    from fieldmark.data.open import open_dataset

    started = time.monotonic()
    dataset = open_dataset(options.data, protocol=options.protocol, max_bad_share=options.max_bad_share)
    check_places(dataset, options.data)
    stages = stage_keys(dataset, options.image_scores)
    plan = build_plan(options, facts_of(dataset, options.data, options.scale, options.rate), stages)
    check_data(plan)
    if options.dry_run:
        return dry_run(plan, options, baselines_key(dataset, stages))
    # Before the store is opened: bad scores must not leave an empty one behind.
    given_scores = read_given_scores(options.image_scores, dataset, plan.objective)
    from fieldmark.store import Store

    store = Store.open(options.store)
    check_store(store, plan, options)
    with Progress() as progress, LeaseKeeper(store, plan.sweep_id, takeover=options.takeover) as lease:
        ready = Preparation(options, dataset, plan, store, given_scores, progress.say)
        return _Sweep(options, plan, store, progress, lease, ready).run(started, larger)


class _Sweep:
    """A sweep that holds its lease."""

    def __init__(
        self,
        options: SweepOptions,
        plan: SweepPlan,
        store: "Store",
        progress: Progress,
        lease: LeaseKeeper,
        ready: Preparation,
    ) -> None:
        self._options = options
        self._plan = plan
        self._store = store
        self._progress = progress
        self._lease = lease
        self._ready = ready

    def run(self, started: float, larger: Larger | None) -> SweepResult:
        """Does what is left of the sweep."""
        from fieldmark.search.scheduler import Scheduler

        self._store.put_card(self._plan.facts.card)
        try:
            self._ready.references()
            self._plan = self._ready.whole_plan()
        except KeyboardInterrupt:
            self._progress.say(f"Stopped before any run. Go on with: {this_command()}")
            raise
        self._store.put_plan(self._plan.sweep_id, self._plan.model_dump(mode="json"))
        card = self._plan.facts.card
        ledger = Ledger(self._store, card.fingerprint, card.protocol, self._plan.objective, self._plan.sweep_id)
        scheduler = Scheduler(self._plan, ledger, Proposals(self._store, self._plan.sweep_id))
        mine = Mine(self._store, self._plan.sweep_id)
        command = SweepCommand(self._options, mine, self._progress, self._lease, started=started, larger=larger)
        end = command.drive(scheduler, self._make_executor)
        if len(self._store.list("records")) > LOOSE_RECORDS:
            self._store.compact()
        return self._result(scheduler, ledger, end, spending(command.meter), time.monotonic() - started)

    def _make_executor(self, keep_going: KeepGoing) -> Executor:
        maker = partial(PriorsNetBench, self._ready.data)
        if self._options.executor == "local":
            from fieldmark.search.executors.local import LocalExecutor

            return LocalExecutor(
                maker,
                self._store,
                keep_going,
                say=self._progress.say,
                hang_after=self._options.hang_seconds,
            )
        from fieldmark.search.executors.tune import TuneExecutor

        return TuneExecutor(
            maker,
            self._store,
            address=self._options.address,
            max_concurrent=self._options.max_concurrent,
            say=self._progress.say,
            hang_after=self._options.hang_seconds,
        )

    def _result(self, scheduler: "Scheduler", ledger: Ledger, end: End, spent: Spending, seconds: float) -> SweepResult:
        plan = self._plan
        best, best_exact = best_of(plan, scheduler, ledger)
        return SweepResult(
            sweep=plan.sweep_id,
            dataset=plan.facts.card.name,
            protocol=plan.facts.card.protocol,
            scale=plan.facts.scale.name,
            objective=plan.objective.text,
            sampler=plan.sampler,
            new_runs=len(scheduler.new_runs),
            done_runs=scheduler.done_before,
            failed_runs=len(scheduler.failures),
            planned_runs=scheduler.planned,
            failures=[FailedRun(run_id=one.task.run_id, message=one.message) for one in scheduler.failures],
            best=best,
            best_exact=best_exact,
            baselines=baseline_metrics(plan, ledger, self._ready.image_run),
            bounds=read_bounds(plan, self._store),
            seconds=seconds,
            spending=spent,
            interrupted=end.interrupted,
            terminated=end.terminated,
            cut_off=list(end.cut_off),
            budget_spent=bool(scheduler.closed) and not end.interrupted,
            limit=end.limit,
            notes=[
                *plan.facts.card.notes,
                plan.facts.scale.describe(),
                *history_notes(plan.sampler, len(scheduler.told())),
            ],
        )
