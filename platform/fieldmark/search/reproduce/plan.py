"""From published rows to runs: which runs measure what, and in which order they can be done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

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
from fieldmark.search.reproduce.options import TABLES, ReproduceOptions, whole_command
from fieldmark.search.reproduce.sources import Source
from fieldmark.search.tasks import Task
from fieldmark.search.training.facts import PAPER_BATCH
from fieldmark.store.records import Trial
from fieldmark.tables.reproduction import PlannedCell, PlannedRun, ReproductionPlan

IMAGE_ONLY = "image only"
"""What a figure calls the classifier of pictures alone that stands beside a run."""

Trained = ClassifierConfig | FrozenConfig
Role = Literal["published", "bound"]


class Bound(NamedTuple):
    """A world's Bayes classifier as a run."""

    task: Task
    source: Source


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A plan with the units of work that it consists of."""

    plan: ReproductionPlan
    units: Mapping[str, ImageTask]
    """By run id; a run that others start from stands before them."""
    cells: Mapping[str, tuple[str, ...]]
    """Cell to the runs that it needs, those that they start from among them."""
    figures: Mapping[str, tuple[str, ...]]
    """Figure to the runs that it needs."""
    bounds: tuple[Bound, ...]
    """The worlds' Bayes classifiers beside which the cells stand."""
    scores_of_s2: str | None
    """The image-only run whose scores Table S2's priors are multiplied with."""

    def needed(self, cells: Iterable[str], figures: Iterable[str]) -> list[ImageTask]:
        """Returns the units that these cells and figures need, in an order in which they can be done."""
        wanted = {run for cell in cells for run in self.cells[cell]}
        wanted |= {run for name in figures for run in self.figures.get(name, ())}
        return [unit for run, unit in self.units.items() if run in wanted]


def build_reproduction(options: ReproduceOptions, sources: Mapping[str, Source]) -> Reproduction:
    """Returns everything that can be measured with these data, whatever part of it is asked for."""
    builder = _Builder(options, sources)
    for table in TABLES:
        builder.add_table(table)
    for figure in figure_runs(options.scale):
        builder.add_figure(figure)
    return builder.whole()


@dataclass
class _Builder:
    options: ReproduceOptions
    sources: Mapping[str, Source]
    units: dict[str, ImageTask] = field(default_factory=dict)
    cells: dict[str, PlannedCell] = field(default_factory=dict)
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    figures: dict[str, dict[str, str]] = field(default_factory=dict)
    figure_needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bounds: dict[str, Bound] = field(default_factory=dict)
    scores_of_s2: str | None = None

    def add_table(self, table: str) -> None:
        wanted = [one for one in measurements(table, self.options.scale) if one.dataset in self.sources]
        for one in wanted:
            if one.config is not None:
                self._cell(one, range(self.options.seeds_of(table)))
        for one in wanted:
            if one.ensemble_above is not None:
                self._ensemble(one)

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
        plan = ReproductionPlan(
            scale=self.options.scale,
            data={name: source.choice for name, source in self.sources.items()},
            cells=tuple(self.cells.values()),
            figures=self.figures,
            command=whole_command(self.options),
        )
        units = {name: _of_plan(unit, plan.plan_id) for name, unit in self.units.items()}
        return Reproduction(
            plan=plan,
            units={name: units[name] for name in _in_order(units)},
            cells=self.needs,
            figures=self.figure_needs,
            bounds=tuple(self.bounds.values()),
            scores_of_s2=self.scores_of_s2,
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
        if one.table == "S2":
            self._score_of_s2(alone)
        bound = self._bound(one.config, view, self.sources[one.dataset])
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

    def _bound(self, config: Trained, view: str, source: Source) -> str:
        """Adds the Bayes classifier that sees what a cell sees; returns its evaluation's id, empty without a world."""
        if not source.facts.is_world:
            return ""
        size = max(View.parse(view).sizes_of(config.resolution))
        bayes = BayesConfig.model_validate({"information": information(config), "resolution": size})
        task = self._task(bayes, source, 0, {}, role="bound")
        self.bounds[task.run_id] = Bound(task=task, source=source)
        return evaluation_id(task.run_id, "test", "joint")

    def _keep_probabilities(self, one: Measurement, runs: list[PlannedRun], view: str) -> None:
        """Marks the runs whose probabilities an ensemble of their table averages."""
        if any(other.ensemble_above is not None for other in measurements(one.table, self.options.scale)):
            for run in runs:
                self._add(self.units[run.run_id].model_copy(update={"probabilities": (view,)}))

    def _score_of_s2(self, alone: list[PlannedRun]) -> None:
        if alone:
            self.scores_of_s2 = alone[0].run_id
            self._add(self.units[alone[0].run_id].model_copy(update={"probabilities": ("",)}))

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
