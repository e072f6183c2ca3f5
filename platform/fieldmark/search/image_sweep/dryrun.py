"""What an image sweep would do and cost; neither torch nor Ray is imported."""

from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.machine import cores
from fieldmark.search.budget.preview import ExpectedCost, expected_cost
from fieldmark.search.history import history_notes
from fieldmark.search.image_sweep.ledger import ImageLedger
from fieldmark.search.image_sweep.options import ImageSweepOptions
from fieldmark.search.image_sweep.plan import Group, ImageSweepPlan
from fieldmark.search.image_sweep.scheduler import ImageScheduler
from fieldmark.search.image_sweep.stored import label
from fieldmark.search.image_sweep.warm import expected
from fieldmark.search.image_task import ImageTask
from fieldmark.search.proposals import Proposals
from fieldmark.search.words import duration

if TYPE_CHECKING:
    from fieldmark.store import Store


class PlannedSetting(BaseModel):
    """A line of the plan."""

    model_config = ConfigDict(extra="forbid")

    role: str
    label: str
    config: dict[str, Any]
    runs: int
    done: int


class ImageDryRun(BaseModel):
    """A sweep's plan with its cost."""

    model_config = ConfigDict(extra="forbid")

    sweep: str
    dataset: str
    protocol: str
    scale: str
    settings: list[PlannedSetting]
    trials: int
    """Optuna's own, proposed already or not."""
    runs: int
    """All of the sweep, the recorded ones and the confirmation included."""
    done: int
    cpu_seconds: float | None
    """Of what is left, from stored runs on as many cores as they had; None is unknown."""
    seconds: float | None
    """At this concurrency."""
    expected: ExpectedCost | None
    """Of what is left, with --prices or --budget; None is unknown, or not asked for."""
    concurrency: int
    notes: list[str]

    def text(self) -> str:
        """Returns the plan for people."""
        cost = "unknown (no such run is stored yet)"
        if self.seconds is not None and self.cpu_seconds is not None:
            cost = f"about {duration(self.seconds)} ({duration(self.cpu_seconds)} of one run at a time)"
        return "\n".join(
            [
                f"sweep {self.sweep} on {self.dataset}, protocol {self.protocol}; {self.scale}",
                "",
                *(f"{one.role:<10} {one.label}: {one.runs} runs, {one.done} recorded" for one in self.settings),
                "",
                f"runs         {self.runs}, of which {self.done} are recorded already",
                f"trials       {self.trials} of Optuna's own",
                f"time         {cost}",
                *([] if self.expected is None else [f"costs        {self.expected.text()}"]),
                f"at a time    {self.concurrency}",
                *(f"note         {note}" for note in self.notes),
            ]
        )


def image_dry_run(plan: ImageSweepPlan, options: ImageSweepOptions, store: "Store | None") -> ImageDryRun:
    """Returns what the sweep would do, without writing anything.

    Args:
        plan: the sweep.
        options: the flags.
        store: None where there is no store yet.
    """
    from fieldmark.store import Store

    # Looking at an empty store is the same as looking at none.
    known = store or Store.open("memory://")
    ledger = ImageLedger(known, plan)
    scheduler = ImageScheduler(plan, ledger, Proposals(known, plan.sweep_id))
    groups = scheduler.groups()
    left = [unit for group in groups for unit in plan.units(group) if ledger.get(unit) is None]
    distinct = {unit.run_id: unit for unit in left}
    missing = len(distinct)
    finished = not left and len(groups) - len(plan.groups) >= plan.trials
    done = scheduler.done_before + (_confirmed(plan, scheduler, ledger) if finished else 0)
    to_come = max(0, scheduler.planned - done - missing)
    cpu_seconds = _cost(known, plan, left, to_come)
    concurrency = 1 if options.executor == "local" else options.max_concurrent or max(1, cores() // plan.workers)
    return ImageDryRun(
        sweep=plan.sweep_id,
        dataset=plan.facts.card.name,
        protocol=plan.facts.card.protocol,
        scale=plan.described,
        settings=[_planned(plan, group, ledger) for group in groups],
        trials=plan.trials,
        runs=scheduler.planned,
        done=done,
        cpu_seconds=cpu_seconds,
        seconds=None if cpu_seconds is None else cpu_seconds / concurrency,
        expected=expected_cost(options, store, [unit.task.spec.config for unit in distinct.values()], to_come),
        concurrency=concurrency,
        notes=[
            *plan.notes,
            *([] if plan.warm_start is None else [expected(known, plan)]),
            *history_notes(plan.sampler, plan.trials),
        ],
    )


def _confirmed(plan: ImageSweepPlan, scheduler: ImageScheduler, ledger: ImageLedger) -> int:
    units = [unit for group in scheduler.confirmations() for unit in plan.units(group)]
    return sum(ledger.get(unit) is not None for unit in units)


def _planned(plan: ImageSweepPlan, group: Group, ledger: ImageLedger) -> PlannedSetting:
    units = [ledger.unit(group, seed) for seed in group.seeds]
    return PlannedSetting(
        role=group.role,
        label=label(group),
        config=group.config.model_dump(mode="json"),
        runs=len(units),
        done=sum(ledger.get(unit) is not None for unit in units),
    )


def _cost(store: "Store", plan: ImageSweepPlan, left: list[ImageTask], to_come: int) -> float | None:
    """Returns the seconds of runs, by stored ones like them; of those that are not known yet, by the known ones'."""
    speeds = _speeds(store)
    planned = [unit for group in plan.groups for unit in plan.units(group)]
    seconds = {unit.run_id: _seconds(speeds, unit, plan) for unit in (*planned, *left)}
    usual = [one for one in seconds.values() if one is not None]
    if len(usual) < len(seconds) or not usual:
        return None
    return sum(seconds[run_id] or 0.0 for run_id in {unit.run_id for unit in left}) + to_come * fmean(usual)


def _speeds(store: "Store") -> dict[tuple[str, str, int], list[float]]:
    """Returns seconds a picture, by method, backbone and resolution."""
    import pyarrow.compute as pc

    done = pc.field("method").isin(["classifier", "frozen"]) & (pc.field("status") == "completed")
    columns = ["method", "fingerprint", "seconds", "epochs", "config.backbone", "config.resolution"]
    pictures = {card.fingerprint: card.counts["train"] for card in store.cards()}
    found: dict[tuple[str, str, int], list[float]] = {}
    for row in store.runs(columns, done, strict=False).to_pylist():
        seen = (row["epochs"] or 0) * pictures.get(row["fingerprint"], 0)
        if seen:
            key = (row["method"], row["config.backbone"], row["config.resolution"])
            found.setdefault(key, []).append(row["seconds"] / seen)
    return found


def _seconds(speeds: dict[tuple[str, str, int], list[float]], unit: ImageTask, plan: ImageSweepPlan) -> float | None:
    config = unit.task.spec.config
    assert config.method in ("classifier", "frozen")
    known = speeds.get((config.method, config.backbone, config.resolution))
    return None if not known else median(known) * config.epochs * plan.facts.pictures
