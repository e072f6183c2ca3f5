"""What a sweep would do and cost, in under three seconds; neither torch nor Ray is imported."""

import os
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import PriorsNetConfig
from fieldmark.errors import UserError
from fieldmark.search.budget.preview import ExpectedCost, expected_cost
from fieldmark.search.estimate import Speeds, bytes_of
from fieldmark.search.history import history_notes
from fieldmark.search.options import SweepOptions
from fieldmark.search.plan import CONFIRMATION_SEED, Group, SweepPlan
from fieldmark.search.proposals import Proposals
from fieldmark.search.searching import SEARCH_SEED
from fieldmark.search.stages.baselines import stored_baselines
from fieldmark.search.tasks import Task
from fieldmark.search.words import describe, duration
from fieldmark.store.records import stopped_id

if TYPE_CHECKING:
    from fieldmark.store import Store


class PlannedGroup(BaseModel):
    """A line of the plan."""

    model_config = ConfigDict(extra="forbid")

    role: str
    what: str
    """The setting in a few words."""
    serves: list[str]
    """Published rows that it measures."""
    config: dict[str, Any]
    runs: int
    done: int


class DryRun(BaseModel):
    """A sweep's plan with its cost."""

    model_config = ConfigDict(extra="forbid")

    sweep: str
    dataset: str
    scale: str
    groups: list[PlannedGroup]
    trials: int
    """Optuna's own."""
    runs: int
    """All of the sweep, the recorded ones included; without baselines whose settings are not chosen yet."""
    done: int
    seconds: float | None
    """Of what is left, at this concurrency; None is unknown."""
    cpu_seconds: float | None
    bytes: int
    expected: ExpectedCost | None
    """Of what is left, with --prices or --budget; None is unknown, or not asked for."""
    concurrency: int
    notes: list[str]

    def text(self) -> str:
        """Returns the plan for people."""
        cost = "unknown (no run of the kind is stored yet)"
        if self.seconds is not None and self.cpu_seconds is not None:
            cost = f"about {duration(self.seconds)} ({duration(self.cpu_seconds)} of one core)"
        return "\n".join(
            [
                f"sweep {self.sweep} on {self.dataset}; {self.scale}",
                "",
                *map(_line, self.groups),
                "",
                f"runs         {self.runs}, of which {self.done} are recorded already",
                f"trials       {self.trials} of Optuna's own",
                f"time         {cost}",
                f"store grows  about {self.bytes / 1e6:.1f} MB",
                *([] if self.expected is None else [f"costs        {self.expected.text()}"]),
                f"at a time    {self.concurrency}",
                *(f"note         {note}" for note in self.notes),
            ]
        )


def dry_run(plan: SweepPlan, options: SweepOptions, baselines_key: str) -> DryRun:
    """Returns what the sweep would do, without writing anything.

    Args:
        plan: without baselines.
        options: the flags.
        baselines_key: the stage that holds the baselines' settings.
    """
    store = existing_store(options.store)
    configs = None if store is None else stored_baselines(store, baselines_key)
    plan = plan.with_baselines(configs or [])
    known = [task for group in plan.groups for task in plan.tasks(group)] + _proposed(plan, store)
    left = [task for task in known if not _has(store, task)]
    to_come = _to_come(plan, known, done=len(known) - len(left))
    cpu_seconds = _cpu_seconds(plan, store, left + to_come)
    concurrency = 1 if options.executor == "local" else options.max_concurrent or os.cpu_count() or 1
    return DryRun(
        sweep=plan.sweep_id,
        dataset=plan.facts.card.name,
        scale=plan.facts.scale.describe(),
        groups=[_planned(plan, group, store) for group in plan.groups],
        trials=plan.trials,
        runs=len(known) + len(to_come),
        done=len(known) - len(left),
        seconds=None if cpu_seconds is None else cpu_seconds / concurrency,
        cpu_seconds=cpu_seconds,
        bytes=bytes_of(left + to_come, plan.facts),
        expected=expected_cost(options, store, [task.spec.config for task in left + to_come]),
        concurrency=concurrency,
        notes=_notes(plan, store, chosen=configs is not None),
    )


def existing_store(url: str) -> "Store | None":
    """Returns the store, or None where there is none yet; looking makes none."""
    from fieldmark.store import Store

    try:
        return Store.open(url, create=False)
    except UserError as error:
        if str(error).startswith(f"--store {url}: there is no "):
            return None
        raise


def _proposed(plan: SweepPlan, store: "Store | None") -> list[Task]:
    if store is None:
        return []
    proposals = [one for one in Proposals(store, plan.sweep_id) if not one.repeats]
    fields = {"number": -1, "role": "search"}
    tasks = [plan.task(one.config, SEARCH_SEED, fields) for one in proposals]
    return [task for k, task in enumerate(tasks) if k < plan.trials or _has(store, task)]


def _to_come(plan: SweepPlan, known: list[Task], *, done: int) -> list[Task]:
    """Returns stand-ins for runs whose settings are not known yet: Optuna's next ones, and the confirmation's."""
    searched = sum(task.trial.role == "search" for task in known)
    count = max(0, plan.trials - searched)
    finished = count == 0 and done == len(known)
    model = next(group.config for group in plan.groups if group.role == "published")
    fields = {"number": -1, "role": "search"}
    confirmations = 0 if finished else plan.seeds + plan.confirm_exact
    return [plan.task(model, CONFIRMATION_SEED + k, fields) for k in range(count + confirmations)]


def _cpu_seconds(plan: SweepPlan, store: "Store | None", tasks: list[Task]) -> float | None:
    speeds = Speeds(store, plan.facts)
    total = 0.0
    for task in tasks:
        seconds = speeds.seconds(task.spec.config)
        if seconds is None and isinstance(task.spec.config, PriorsNetConfig):
            return None
        total += seconds or 0.0
    return total


def _notes(plan: SweepPlan, store: "Store | None", *, chosen: bool) -> list[str]:
    notes = list(plan.facts.card.notes)
    key = plan.stages.get("image_scores")
    if key is not None and (store is None or store.stage_meta(key) is None):
        notes.append("image scores: made or read when the sweep runs; their time is not counted")
    if not chosen:
        notes.append("baselines: their settings are chosen on tune when the sweep runs; neither counted nor timed")
    return [*notes, *history_notes(plan.sampler, plan.trials)]


def _planned(plan: SweepPlan, group: Group, store: "Store | None") -> PlannedGroup:
    tasks = plan.tasks(group)
    return PlannedGroup(
        role=group.role,
        what=describe(group.config),
        serves=list(group.serves),
        config=group.config.model_dump(mode="json"),
        runs=len(tasks),
        done=sum(_has(store, task) for task in tasks),
    )


def _has(store: "Store | None", task: Task) -> bool:
    return store is not None and (
        store.has_run(task.run_id) or store.has_run(stopped_id(task.run_id, task.trial.sweep))
    )


def _line(group: PlannedGroup) -> str:
    rows = f"  (rows {', '.join(group.serves)})" if group.serves else ""
    return f"{group.role:<10} {group.what}{rows}: {group.runs} runs, {group.done} recorded"
