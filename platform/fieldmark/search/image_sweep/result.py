"""What an image sweep hands back."""

import json
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.evaluation.record import score_of, view_evaluation_id
from fieldmark.search.budget.report import Spending
from fieldmark.search.image_sweep.ledger import ImageLedger
from fieldmark.search.image_sweep.objectives import ObjectiveName, pareto_front
from fieldmark.search.image_sweep.plan import Group, ImageSweepPlan
from fieldmark.search.image_sweep.scheduler import ImageScheduler
from fieldmark.search.image_sweep.stored import label
from fieldmark.search.result import RUNS_FOR_BEST, FailedRun
from fieldmark.tables.limit_note import LimitNote

if TYPE_CHECKING:
    from fieldmark.store import Store

DEFAULT_FRONT: tuple[ObjectiveName, ...] = ("accuracy", "parameters")
"""Of which the Pareto front is shown where the search is for accuracy alone."""


class Measured(BaseModel):
    """Top-1 over the seeds of a setting; fractions."""

    tune: float
    test: float
    test_std: float | None
    """With ddof=1; None of one seed."""
    n: int


class SettingResult(BaseModel):
    """One setting of a sweep, over its seeds."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    number: int
    role: str
    """baseline (image-only, beside the search), published, search, or confirmation (the best one on fresh seeds)."""
    label: str
    params: dict[str, Any]
    resolution: int
    """Side of the training pictures, in pixels."""
    state: str
    """complete, pruned (seed 0 was stopped early), failed, or running (not all seeds are recorded)."""
    frozen: bool
    """Whether it was trained on cached features of a frozen image-only model: not to be compared with models that were
    trained whole."""
    run_ids: list[str]
    measured: Measured | None
    """By the run's own view."""
    views: dict[str, Measured]
    """By further views, e.g. `center:96`."""
    parameters: int
    multiply_adds: int
    seconds: float | None
    """A run, mean over the seeds."""
    front: bool
    """Whether no other setting is better in one of `front_of` and worse in none, on tune."""


class Bound(BaseModel):
    """What a Bayes classifier reaches on the test part of a world, whose every probability it knows."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    information: str
    """What it is told: image, image+place+date, ..."""
    resolution: int
    """Side of the pictures that it is shown, in pixels."""
    test: float
    """Top-1, a fraction."""


class ImageSweepResult(BaseModel):
    """A sweep's end, or its state when it was stopped. Fields may be added; none will change its meaning."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sweep: str
    space: str
    dataset: str
    protocol: str
    scale: str
    frozen: bool
    objectives: list[str]
    front_of: list[str]
    sampler: str
    new_runs: int
    done_runs: int
    """Recorded before this command."""
    failed_runs: int
    planned_runs: int
    failures: list[FailedRun]
    settings: list[SettingResult]
    best: SettingResult | None
    """The confirmation of the setting that was best by accuracy on tune: fresh seeds, none of which took part in the
    choice."""
    enough_for_best: bool
    """Whether it has as many seeds as SCIENCE rule 9 asks for before a setting is called best."""
    bounds: list[Bound]
    """At the training sizes and at the largest of every view; empty of real pictures, and of an interrupted sweep."""
    seconds: float
    spending: Spending
    interrupted: bool
    terminated: bool
    """Whether it was interrupted by SIGTERM, as schedulers of clusters send it."""
    cut_off: list[str]
    """Runs that were stopped, and go on from their last checkpoint."""
    budget_spent: bool
    limit: LimitNote | None
    """The limit that has kept runs from being started, and the command that goes on."""
    figures: list[str]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Returns the object that `--json` prints (docs/reference/image_sweep.schema.json)."""
        return self.model_dump(mode="json")


def setting_results(
    plan: ImageSweepPlan, scheduler: ImageScheduler, ledger: ImageLedger, store: "Store"
) -> list[SettingResult]:
    """Returns every setting that is known, in the order of the plan, the confirmation last."""
    groups = scheduler.groups()
    front = _front(plan, groups, scheduler, ledger)
    return [_setting(plan, group, ledger, store, front=place in front) for place, group in enumerate(groups)]


def front_of(plan: ImageSweepPlan) -> tuple[ObjectiveName, ...]:
    """Returns the objectives of the Pareto front that is shown."""
    return plan.objectives if len(plan.objectives) > 1 else DEFAULT_FRONT


def _front(plan: ImageSweepPlan, groups: Sequence[Group], scheduler: ImageScheduler, ledger: ImageLedger) -> set[int]:
    names = front_of(plan)
    places = [
        place
        for place, group in enumerate(groups)
        if group.role != "confirmation" and scheduler.stands(group).state == "complete"
    ]
    rows = []
    for place in places:
        known = [ledger.get(ledger.unit(groups[place], seed)) for seed in groups[place].seeds]
        rows.append([fmean(one.value(name) or 0.0 for one in known if one is not None) for name in names])
    return {places[place] for place in pareto_front(rows, names)}


def _setting(plan: ImageSweepPlan, group: Group, ledger: ImageLedger, store: "Store", *, front: bool) -> SettingResult:
    standing = ledger.standing(group)
    units = [ledger.unit(group, seed) for seed in group.seeds]
    known = [one for unit in units if (one := ledger.get(unit)) is not None and one.status == "completed"]
    done = [unit.run_id for unit in units if (one := ledger.get(unit)) is not None and one.status == "completed"]
    score = score_of(group.config)
    whole = standing.state == "complete"
    return SettingResult(
        number=group.number,
        role=group.role,
        label=label(group),
        params=group.params,
        resolution=group.config.resolution,
        state=standing.state,
        frozen=plan.frozen and group.role != "baseline",
        run_ids=[unit.run_id for unit in units],
        measured=_measured(store, done, score, "") if whole else None,
        views={view: _measured(store, done, score, view) for view in group.views} if whole else {},
        parameters=known[0].parameters if known else 0,
        multiply_adds=known[0].multiply_adds if known else 0,
        seconds=fmean(one.seconds for one in known) if known else None,
        front=front,
    )


def _measured(store: "Store", run_ids: Sequence[str], score: str, view: str) -> Measured:
    tune, test = (
        [store.evaluation(view_evaluation_id(run, split, score, view)).metrics["top1"] for run in run_ids]
        for split in ("tune", "test")
    )
    return Measured(tune=fmean(tune), test=fmean(test), test_std=stdev(test) if len(test) > 1 else None, n=len(test))


def best_of(settings: Sequence[SettingResult]) -> SettingResult | None:
    """Returns the confirmation, once it is complete."""
    return next((one for one in settings if one.role == "confirmation" and one.state == "complete"), None)


def is_enough(best: SettingResult | None) -> bool:
    """Whether a confirmation has the seeds that the word "best" needs."""
    return best is not None and best.measured is not None and best.measured.n >= RUNS_FOR_BEST


def schema_text() -> str:
    """Returns the JSON schema of `--json`, as docs/reference/image_sweep.schema.json holds it."""
    return json.dumps(ImageSweepResult.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
