"""A reproduction from its flags to its figures."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.search.budget.limits import Larger
from fieldmark.search.budget.meter import Meter
from fieldmark.search.budget.mine import Mine
from fieldmark.search.budget.report import spending
from fieldmark.search.command import End, SweepCommand
from fieldmark.search.dryrun import existing_store
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.lease_keeper import LeaseKeeper
from fieldmark.search.progress import Progress
from fieldmark.search.reproduce.build import build_reproduction
from fieldmark.search.reproduce.counted import count_cells
from fieldmark.search.reproduce.dryrun import ReproduceDryRun, reproduce_dry_run
from fieldmark.search.reproduce.ensembles import record_ensembles
from fieldmark.search.reproduce.options import ReproduceOptions
from fieldmark.search.reproduce.plan import Reproduction
from fieldmark.search.reproduce.result import ReproduceResult
from fieldmark.search.reproduce.room import probabilities_budget
from fieldmark.search.reproduce.scheduler import ReproductionScheduler
from fieldmark.search.reproduce.selection import PRIORSNET_DATA, Selection, select_work
from fieldmark.search.reproduce.sources import Source, open_sources
from fieldmark.search.result import FailedRun, SweepResult
from fieldmark.store import layout
from fieldmark.tables.reproduction import ReproductionPlan

if TYPE_CHECKING:
    from fieldmark.search.executors.base import Executor
    from fieldmark.store import Store


def reproduce(options: ReproduceOptions) -> ReproduceResult | ReproduceDryRun:
    """Runs what these tables and figures need and the store lacks, and draws the figures.

    Returns:
        The result; with `dry_run`, the plan and its cost instead, and nothing is written.

    Raises:
        UserError: for data, a store or flags with which nothing can be reproduced.
        StoreConflict: where another process drives this reproduction.
    """
    started = time.monotonic()
    selection = select_work(options)
    if options.dry_run:
        return reproduce_dry_run(options, selection, existing_store(options.store))
    if not selection.specs:
        raise UserError(f"--scale paper needs the published data: {'; '.join(selection.missing())}")
    sources = open_sources(options, selection.specs)
    from fieldmark.store import Store

    store = Store.open(options.store)
    store.probe()
    work = build_reproduction(options, selection, sources, store)
    with Progress() as progress, LeaseKeeper(store, work.plan.plan_id, takeover=options.takeover) as lease:
        return _Driver(options, selection, sources, work, store, progress, lease).run(started)


class _Driver:
    """A reproduction that holds its lease."""

    def __init__(
        self,
        options: ReproduceOptions,
        selection: Selection,
        sources: dict[str, Source],
        work: Reproduction,
        store: "Store",
        progress: Progress,
        lease: LeaseKeeper,
    ) -> None:
        self._options = options
        self._selection = selection
        self._sources = sources
        self._work = work
        self._store = store
        self._progress = progress
        self._lease = lease
        self._problems = selection.missing()
        self._budget = probabilities_budget(
            work.needed(selection), sources, store.objects.size(layout.PROBABILITIES), options.probabilities_budget
        )
        self._interrupted = self._terminated = False
        self._rows: SweepResult | None = None
        """How Table S2's PriorsNet rows ended."""

    def run(self, started: float) -> ReproduceResult:
        """Does what is left, in the order in which one thing needs the other."""
        self._describe()
        scheduler, meter, end = self._train(started)
        figures: list[Path] = []
        budget_spent = bool(scheduler.closed) and scheduler.recorded < scheduler.planned
        if not self._interrupted and not budget_spent:
            figures = self._after_training(Larger(meter=meter, started=started))
        rows, spent = self._rows, spending(meter)
        measured, cells = count_cells(self._stored_plan(), self._selection, self._store)
        return ReproduceResult(
            plan=self._work.plan.plan_id,
            scale=self._options.scale,
            tables=list(self._options.tables),
            figures=[str(path) for path in figures],
            new_runs=len(scheduler.new_runs),
            done_runs=scheduler.done_before,
            planned_runs=scheduler.planned,
            failures=[FailedRun(run_id=one.task.run_id, message=one.message) for one in scheduler.failures],
            problems=self._problems,
            cells=cells,
            measured=measured,
            seconds=time.monotonic() - started,
            spending=spent if rows is None else spent + rows.spending,
            interrupted=self._interrupted,
            terminated=self._terminated,
            cut_off=[*end.cut_off, *(() if rows is None else rows.cut_off)],
            budget_spent=(budget_spent or (rows is not None and rows.budget_spent)) and not self._interrupted,
            limit=end.limit if rows is None else rows.limit,
        )

    def _describe(self) -> None:
        """Writes what tables read beside the records."""
        from fieldmark.search.reproduce.extend import extended

        for source in self._sources.values():
            card = source.facts.card
            self._store.put_card(card)
            self._store.put_categories(card.fingerprint, source.dataset.observations.categories)
        plan = self._work.plan
        self._store.put_plan(plan.plan_id, extended(plan, self._store.plan(plan.plan_id)).model_dump(mode="json"))

    def _train(self, started: float) -> tuple[ReproductionScheduler, Meter, End]:
        from fieldmark.search.training.image_bench import is_done

        units = self._work.needed(self._selection)
        store = self._store
        scheduler = ReproductionScheduler(
            units, lambda unit: is_done(unit, store), lambda run_id: store.run(run_id).cost.cpu_seconds
        )
        self._clear_checkpoints()
        mine = Mine(store, self._work.plan.plan_id, runs=frozenset(self._work.units))
        command = SweepCommand(self._options, mine, self._progress, self._lease, started=started)
        end = command.drive(scheduler, self._make_executor)
        self._interrupted, self._terminated = end.interrupted, end.terminated
        return scheduler, command.meter, end

    def _clear_checkpoints(self) -> None:
        """Removes the states of runs whose driver was killed right after the record."""
        for run_id in {key.split("/")[1] for key in self._store.list(layout.CHECKPOINTS)}:
            if run_id in self._work.units and self._store.has_run(run_id):
                self._store.checkpoints(run_id).clear()

    def _make_executor(self, keep_going: KeepGoing) -> "Executor":
        from fieldmark.search.executors.images import image_executor

        options = self._options
        return image_executor(
            self._store,
            local=options.executor == "local",
            address=options.address,
            workers=max(unit.workers for unit in self._work.units.values()),
            cache=options.cache,
            max_concurrent=options.max_concurrent,
            max_bad_share=options.max_bad_share,
            probabilities_budget=self._budget,
            keep_going=keep_going,
            say=self._progress.say,
            hang_after=options.hang_seconds,
        )

    def _after_training(self, larger: Larger) -> list[Path]:
        self._commit_bounds()
        self._problems += record_ensembles(self._work.plan, self._selection.cells, self._store)
        self._sweep_priorsnet(larger)
        return [] if self._interrupted else self._draw()

    def _commit_bounds(self) -> None:
        from fieldmark.search.training.bounds import commit_bound

        for bound in (self._work.bounds[cell] for cell in self._selection.cells if cell in self._work.bounds):
            commit_bound(bound.task, bound.source.dataset, bound.source.spec, self._store)

    def _sweep_priorsnet(self, larger: Larger) -> None:
        """Runs Table S2's PriorsNet rows on the image scores that the table's last row starts from."""
        image_run, name = self._work.scores_of_s2, PRIORSNET_DATA
        if not self._selection.priorsnet or image_run is None or name not in self._sources:
            return
        from fieldmark.search.reproduce.priorsnet_rows import sweep_rows

        source = self._sources[name]
        try:
            result = sweep_rows(self._options, source.spec, source.dataset, self._store, image_run, larger)
        except UserError as error:
            self._problems.append(f"Table S2's PriorsNet rows: {error}")
            return
        self._rows = result
        self._interrupted, self._terminated = result.interrupted, result.terminated
        self._problems += [f"PriorsNet run {one.run_id[:10]}: {one.message}" for one in result.failures]
        plan = self._stored_plan()
        self._store.put_plan(
            plan.plan_id, plan.model_copy(update={"priorsnet_sweep": result.sweep}).model_dump(mode="json")
        )

    def _draw(self) -> list[Path]:
        """Draws what can be drawn; results count more than pictures."""
        from fieldmark.evaluation.paper_figures import write_paper_figure

        plan, folder, found = self._stored_plan(), Path(self._options.out) / "figures", []
        for name in self._options.figures:
            try:
                found += write_paper_figure(name.removeprefix("fig"), self._store, folder, plan=plan)
            except (UserError, OSError) as error:
                self._problems.append(f"figure {name.removeprefix('fig')}: {error}")
        return found

    def _stored_plan(self) -> ReproductionPlan:
        return ReproductionPlan.model_validate(self._store.plan(self._work.plan.plan_id))
