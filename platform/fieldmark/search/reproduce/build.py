"""From published rows to runs: which runs measure what, and which start from which."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from fieldmark.config import IMAGE_MODEL, BayesConfig, ClassifierConfig, FrozenConfig, RunSpec, View
from fieldmark.evaluation.ensemble import ensemble_ids
from fieldmark.evaluation.record import view_evaluation_id
from fieldmark.figures.trained_runs import information
from fieldmark.papers import measurements
from fieldmark.papers.figure_runs import FigureRun, figure_runs
from fieldmark.papers.measurement import Measurement
from fieldmark.search.image_task import ImageTask
from fieldmark.search.ledger import evaluation_id
from fieldmark.search.objective import Objective
from fieldmark.search.reproduce.extend import seeds_of
from fieldmark.search.reproduce.options import TABLES, ReproduceOptions, usual_seeds, whole_command
from fieldmark.search.reproduce.plan import Bound, Reproduction
from fieldmark.search.reproduce.selection import Selection
from fieldmark.search.reproduce.sources import Source
from fieldmark.search.tasks import Task
from fieldmark.search.training.facts import PAPER_BATCH
from fieldmark.store.records import Trial
from fieldmark.tables.reproduction import PlannedCell, PlannedRun, ReproductionPlan

if TYPE_CHECKING:
    from fieldmark.store import Store

ROW_OF_S2, IMAGE_ONLY_ROW = "S2:11:iNat2021-mini", "S6:1:iNat2021-mini"

IMAGE_ONLY = "image only"
"""What a figure calls the classifier of pictures alone that stands beside a run."""

Trained = ClassifierConfig | FrozenConfig
Role = Literal["published", "bound"]


def build_reproduction(
    options: ReproduceOptions, selection: Selection, sources: Mapping[str, Source], store: "Store | None"
) -> Reproduction:
    """Returns everything that can be measured with these data, whatever part of it is asked for.

    Args:
        options: the flags; `--seeds` holds for the values that are asked for.
        selection: what is asked for.
        sources: the data.
        store: may hold an earlier plan of this reproduction, whose seeds are planned again; None where there is none.
    """
    before = None if store is None else store.plan(_plan(options, sources, ()).plan_id)
    builder = _Builder(options, selection, sources, seeds_of(before))
    for table in TABLES:
        builder.add_table(table)
    for figure in figure_runs(options.scale):
        builder.add_figure(figure)
    return builder.whole()


def _plan(options: ReproduceOptions, sources: Mapping[str, Source], cells: Iterable[PlannedCell]) -> ReproductionPlan:
    return ReproductionPlan(
        scale=options.scale,
        data={name: source.choice for name, source in sources.items()},
        cells=tuple(cells),
        command=whole_command(options),
    )


@dataclass
class _Builder:
    options: ReproduceOptions
    selection: Selection
    sources: Mapping[str, Source]
    before: Mapping[str, int]
    """Cell to the seeds that an earlier plan has."""
    units: dict[str, ImageTask] = field(default_factory=dict)
    cells: dict[str, PlannedCell] = field(default_factory=dict)
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    figures: dict[str, dict[str, str]] = field(default_factory=dict)
    figure_needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bounds: dict[str, Bound] = field(default_factory=dict)

    def add_table(self, table: str) -> None:
        wanted = [one for one in measurements(table, self.options.scale) if one.dataset in self.sources]
        for one in wanted:
            if one.config is not None:
                self._cell(one, range(self._seeds(one)))
        for one in wanted:
            if one.ensemble_above is not None:
                self._ensemble(one)

    def _seeds(self, one: Measurement) -> int:
        if self.options.seeds is not None and one.cell in self.selection.cells:
            return self.options.seeds
        return max(usual_seeds(one.table), self.before.get(one.cell, 0))

    def add_figure(self, one: FigureRun) -> None:
        if one.dataset not in self.sources or one.config is None:
            return
        runs = self._runs(one.config, one.image_model, one.dataset, one.seed)
        found = {one.label: runs[-1]}
        if len(runs) > 1:
            found[f"{one.label} {IMAGE_ONLY}"] = runs[0]
        self.figures.setdefault(one.figure, {}).update(found)
        self.figure_needs[one.figure] = (*self.figure_needs.get(one.figure, ()), *runs)

    def whole(self) -> Reproduction:
        plan = _plan(self.options, self.sources, self.cells.values()).model_copy(update={"figures": self.figures})
        scores_of_s2 = self._scores_of_s2()
        units = {name: _of_plan(unit, plan.plan_id) for name, unit in self.units.items()}
        return Reproduction(
            plan=plan,
            units={name: units[name] for name in _in_order(units)},
            cells=self.needs,
            figures=self.figure_needs,
            bounds=self.bounds,
            scores_of_s2=scores_of_s2,
        )

    def _cell(self, one: Measurement, seeds: Iterable[int]) -> None:
        assert one.config is not None
        view = View.parse(one.view, resolution=one.config.resolution).text
        runs, alone, needs = [], [], []
        for seed in seeds:
            workers = one.workers if seed == 0 else 1
            *start, run = self._runs(one.config, one.image_model, one.dataset, seed, view=view, workers=workers)
            runs.append(_planned(run, seed, one.config, view))
            if one.image_model is not None:
                alone.append(_planned(start[0], seed, one.image_model, ""))
            needs += [*start, run]
        self._keep_probabilities(one, runs, view)
        bound = self._bound(one, view)
        self.cells[one.cell] = PlannedCell(measurement=one, runs=tuple(runs), image_only=tuple(alone), bound=bound)
        self.needs[one.cell] = tuple(needs)

    def _ensemble(self, one: Measurement) -> None:
        """Adds the ensemble of a table's other rows, seed by seed."""
        assert one.ensemble_above is not None
        others = [cell for cell in self.cells.values() if cell.measurement.table == one.table]
        runs = []
        for place, run in enumerate(others[0].runs):
            of_seed = [cell.runs[place] for cell in others]
            tune, test = ensemble_ids(
                [other.run_id for other in of_seed], [other.tune for other in of_seed], one.ensemble_above
            )
            runs.append(PlannedRun(seed=run.seed, run_id="", tune=tune, test=test))
        self.needs[one.cell] = tuple(
            dict.fromkeys(need for cell in others for need in self.needs[cell.measurement.cell])
        )
        self.cells[one.cell] = PlannedCell(measurement=one, runs=tuple(runs))

    def _bound(self, one: Measurement, view: str) -> str:
        """Adds the Bayes classifier that sees what a cell sees; returns its evaluation's id, empty without a world."""
        source = self.sources[one.dataset]
        assert one.config is not None
        if not source.facts.is_world:
            return ""
        size = max(View.parse(view).sizes_of(one.config.resolution))
        bayes = BayesConfig.model_validate({"information": information(one.config), "resolution": size})
        task = self._task(bayes, source, 0, {}, role="bound")
        self.bounds[one.cell] = Bound(task=task, source=source)
        return evaluation_id(task.run_id, "test", "joint")

    def _keep_probabilities(self, one: Measurement, runs: list[PlannedRun], view: str) -> None:
        """Marks the runs whose probabilities an ensemble of their table averages."""
        if any(other.ensemble_above is not None for other in measurements(one.table, self.options.scale)):
            for run in runs:
                self._add(self.units[run.run_id].model_copy(update={"probabilities": (view,)}))

    def _scores_of_s2(self) -> str | None:
        """Marks the image-only run that Table S2's last row starts from, or at paper scale that of Table S6."""
        row, alone = self.cells.get(ROW_OF_S2), self.cells.get(IMAGE_ONLY_ROW)
        if row is None or alone is None:
            return None
        run = (row.image_only or alone.runs)[0]
        self._add(self.units[run.run_id].model_copy(update={"probabilities": ("",)}))
        return run.run_id

    def _runs(
        self,
        config: Trained,
        image_model: ClassifierConfig | None,
        dataset: str,
        seed: int,
        *,
        view: str = "",
        workers: int = 1,
    ) -> tuple[str, ...]:
        """Adds a run, and before it the image-only one that it starts from; returns their ids in that order."""
        start = () if image_model is None else self._runs(image_model, None, dataset, seed)
        workers = 1 if isinstance(config, FrozenConfig) else max(workers, self.options.workers)
        stages = {IMAGE_MODEL: start[0]} if start else {}
        task = self._task(config, self.sources[dataset], seed, stages, role="published")
        views = (view,) if view else ()
        self._add(ImageTask(task=task, data=self.sources[dataset].spec, views=views, workers=workers))
        return (*start, task.run_id)

    def _task(
        self, config: Trained | BayesConfig, source: Source, seed: int, stages: dict[str, str], *, role: Role
    ) -> Task:
        card = source.facts.card
        spec = RunSpec(
            config=config,
            dataset=card.name,
            fingerprint=card.fingerprint,
            protocol=card.protocol,
            stages=stages,
            seed=seed,
        )
        return Task(
            spec=spec,
            scale=source.facts.scale(self.options.scale, getattr(config, "batch", PAPER_BATCH)),
            trial=Trial(role=role, group=config.config_id),
            objective=Objective(score=_score(config), metric="top1"),
        )

    def _add(self, unit: ImageTask) -> None:
        """Adds a unit, or what it wants beyond a known one of the same run."""
        known = self.units.get(unit.run_id)
        if known is not None:
            unit = known.model_copy(
                update={
                    "views": _union(known.views, unit.views),
                    "probabilities": _union(known.probabilities, unit.probabilities),
                    "workers": max(known.workers, unit.workers),
                }
            )
        self.units[unit.run_id] = unit


def _planned(run_id: str, seed: int, config: Trained, view: str) -> PlannedRun:
    score = _score(config)
    return PlannedRun(
        seed=seed,
        run_id=run_id,
        tune=view_evaluation_id(run_id, "tune", score, view),
        test=view_evaluation_id(run_id, "test", score, view),
    )


def _score(config: Trained | BayesConfig) -> str:
    return "joint" if isinstance(config, BayesConfig) or config.looks_at_location else "image"


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _of_plan(unit: ImageTask, plan_id: str) -> ImageTask:
    trial = unit.task.trial.model_copy(update={"sweep": plan_id})
    return unit.model_copy(update={"task": unit.task.model_copy(update={"trial": trial})})


def _in_order(units: Mapping[str, ImageTask]) -> list[str]:
    """Returns the runs that others start from first, so that no worker has to wait for one."""
    starts = {unit.start for unit in units.values()}
    return sorted(units, key=lambda name: name not in starts)
