"""What a reproduction would do and cost, in seconds; neither torch nor Ray is imported."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import ScaleName
from fieldmark.machine import cores
from fieldmark.search.budget.preview import ExpectedCost, expected_cost, expected_of_hours
from fieldmark.search.image_task import ImageTask
from fieldmark.search.reproduce.build import build_reproduction
from fieldmark.search.reproduce.dryrun_rows import describe_dry_run
from fieldmark.search.reproduce.estimate import PaperEstimate, estimate_rows
from fieldmark.search.reproduce.options import ReproduceOptions, usual_seeds
from fieldmark.search.reproduce.selection import Selection
from fieldmark.search.reproduce.sources import given_data, open_sources
from fieldmark.search.words import duration

if TYPE_CHECKING:
    from fieldmark.store import Store

KIND_NAMES = {"classifier": "trained whole", "frozen": "on frozen features"}
NOT_COUNTED = ("Not counted: the runs that figures alone need, and Table S2's PriorsNet rows (some minutes).",)


class ReproduceDryRun(BaseModel):
    """A reproduction's plan with its cost."""

    model_config = ConfigDict(extra="forbid")

    plan: str
    """The reproduction's id; empty at paper scale, where no data are read for a dry run."""
    tables: list[str]
    figures: list[str]
    data: dict[str, str]
    """Published data set to what stands for it."""
    scale: ScaleName
    values: int
    """Published values that are asked for, Table S2's PriorsNet rows apart."""
    missing: list[str]
    """Data that are not at hand."""
    runs: dict[str, int]
    """Runs by kind, the recorded ones included."""
    done: int
    seconds: float | None
    """Of what is left, by stored runs of the kind; None is unknown."""
    expected: ExpectedCost | None
    """Of what is left (at paper scale of all), with --prices or --budget; None is unknown, or not asked for."""
    concurrency: int
    paper: dict[str, Any] | None
    """Cost of each row at paper scale."""
    lines: list[str]

    def text(self) -> str:
        """Returns the plan for people."""
        return "\n".join(self.lines)


def reproduce_dry_run(options: ReproduceOptions, selection: Selection, store: "Store | None") -> ReproduceDryRun:
    """Returns what a reproduction would do, without writing anything.

    Args:
        options: the flags.
        selection: what they ask for.
        store: where runs are recorded; None where there is no store yet.
    """
    if options.scale == "paper":
        return _at_paper_scale(options, selection, store)
    return _at_smoke_scale(options, selection, store)


def _at_paper_scale(options: ReproduceOptions, selection: Selection, store: "Store | None") -> ReproduceDryRun:
    estimate: PaperEstimate = estimate_rows(
        selection.asked,
        store,
        given_data(options),
        {table: options.seeds or usual_seeds(table) for table in options.tables},
    )
    expected = expected_of_hours(options, gpu_hours=estimate.gpu_hours)
    costs = [] if expected is None else [f"Costs: {expected.text()}, GPUs alone."]
    not_counted = NOT_COUNTED if options.figures or selection.priorsnet else ()
    return ReproduceDryRun(
        plan="",
        tables=list(options.tables),
        figures=list(options.figures),
        data=dict(selection.specs),
        scale="paper",
        values=len(selection.asked),
        missing=selection.missing(),
        runs={},
        done=0,
        seconds=None,
        expected=expected,
        concurrency=1,
        paper=estimate.to_json(),
        lines=[*describe_dry_run(estimate).splitlines(), *costs, *not_counted],
    )


def _at_smoke_scale(options: ReproduceOptions, selection: Selection, store: "Store | None") -> ReproduceDryRun:
    from fieldmark.search.training.image_bench import is_done

    work = build_reproduction(options, selection, open_sources(options, selection.specs), store)
    units = work.needed(selection)
    left = [unit for unit in units if store is None or not is_done(unit, store)]
    counted: dict[str, int] = {}
    for unit in units:
        name = KIND_NAMES[unit.task.spec.config.method]
        counted[name] = counted.get(name, 0) + 1
    concurrency = 1 if options.executor == "local" else options.max_concurrent or cores()
    seconds = _seconds(left, store)
    expected = expected_cost(options, store, [unit.task.spec.config for unit in left])
    time_left = "unknown (no run of the kind is stored yet)" if seconds is None else duration(seconds / concurrency)
    lines = [
        f"reproduction {work.plan.plan_id} of {', '.join((*options.tables, *options.figures))} at scale smoke",
        f"values       {len(selection.asked)}" + (" and Table S2's PriorsNet rows" if selection.priorsnet else ""),
        *(f"runs         {count} {name}" for name, count in counted.items()),
        f"recorded     {len(units) - len(left)} of {len(units)} already",
        f"time         {time_left}, evaluations, figures and Table S2's sweep apart",
        *([] if expected is None else [f"costs        {expected.text()}"]),
        f"at a time    {concurrency}",
        *(f"data         {name}: {spec}" for name, spec in selection.specs.items()),
        *(f"missing      {line}" for line in selection.missing()),
    ]
    return ReproduceDryRun(
        plan=work.plan.plan_id,
        tables=list(options.tables),
        figures=list(options.figures),
        data=dict(selection.specs),
        scale="smoke",
        values=len(selection.asked),
        missing=selection.missing(),
        runs=counted,
        done=len(units) - len(left),
        seconds=None if seconds is None else seconds / concurrency,
        expected=expected,
        concurrency=concurrency,
        paper=None,
        lines=lines,
    )


def _seconds(left: list[ImageTask], store: "Store | None") -> float | None:
    """Returns the time of runs by the mean of recorded ones of the same backbone, size and kind; None is unknown."""
    if store is None:
        return None if left else 0.0
    columns = ["method", "seconds", "config.backbone", "config.resolution", "config.epochs"]
    known: dict[tuple[object, ...], list[float]] = {}
    for row in store.runs(columns).to_pylist():
        key = tuple(row[name] for name in ("method", "config.backbone", "config.resolution", "config.epochs"))
        known.setdefault(key, []).append(row["seconds"])
    total = 0.0
    for unit in left:
        config = unit.task.spec.config
        assert config.method in ("classifier", "frozen")
        found = known.get((config.method, config.backbone, config.resolution, config.epochs))
        if not found:
            return None
        total += sum(found) / len(found)
    return total
