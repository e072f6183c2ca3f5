"""Stored runs on the same data of which a sweep's sampler is told before it is asked (`--warm-start`).

Which runs they are is written once, when the sweep begins, so that it decides alike whatever is recorded beside it.
"""

from collections.abc import Iterable
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, FrozenConfig
from fieldmark.config.canonical import image_only
from fieldmark.errors import UserError
from fieldmark.evaluation.record import score_of
from fieldmark.search import study
from fieldmark.search.image_sweep.condition import matching
from fieldmark.search.image_sweep.objectives import ObjectiveName
from fieldmark.search.image_sweep.plan import ImageSweepPlan
from fieldmark.search.ledger import evaluation_id
from fieldmark.search.words import counted

if TYPE_CHECKING:
    from fieldmark.store import RunRecord, Store

OUTSIDE = "lie outside the search space, or start from another image-only model"


class WarmGroup(BaseModel):
    """Stored runs that differ by the seed only, as one trial."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_ids: tuple[str, ...]
    params: dict[str, Any]
    distributions: dict[str, str]
    values: tuple[float, ...]
    """One an objective: means over the seeds on tune."""


class WarmStart(BaseModel):
    """What a sweep is told of at its beginning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: tuple[WarmGroup, ...] = ()
    outside: int = 0
    """Runs that fit the condition, and whose settings do not lie in the search space, or start from another image-only
    model than the sweep's own."""

    @property
    def note(self) -> str:
        """Returns what was found, in a sentence."""
        runs = sum(len(group.run_ids) for group in self.groups)
        known = f"{counted(len(self.groups), 'setting')} of {counted(runs, 'stored run')}"
        outside = f"; {self.outside} more fit the condition, but {OUTSIDE}" if self.outside else ""
        return f"warm start: the sampler knows {known}{outside}"


def warm_start(store: "Store", plan: ImageSweepPlan) -> WarmStart:
    """Returns what the sweep is told of: as written when it began, or found now and written.

    Raises:
        UserError: the condition is none, or no run fits it.
    """
    if plan.warm_start is None:
        return WarmStart()
    if (known := _written(store, plan)) is not None:
        return known
    store.put_once(_key(plan), find(store, plan, plan.warm_start).model_dump_json().encode())
    found = _written(store, plan)
    assert found is not None, _key(plan)
    return found


def expected(store: "Store", plan: ImageSweepPlan) -> str:
    """Returns what a sweep with a condition is, or would be, told of, in a sentence; writes nothing.

    Raises:
        UserError: the condition is none.
    """
    assert plan.warm_start is not None
    if (known := _written(store, plan)) is not None:
        return known.note
    fitting = len(_fitting(store, plan, plan.warm_start))
    if not fitting:
        return "warm start: no stored run fits; the sweep does not begin before one does"
    return f"warm start: {counted(fitting, 'stored run')} fit{'s' * (fitting == 1)}; read when the sweep begins"


def _key(plan: ImageSweepPlan) -> str:
    return f"sweeps/{plan.sweep_id}/warm.json"


def _written(store: "Store", plan: ImageSweepPlan) -> WarmStart | None:
    found = store.get(_key(plan))
    return None if found is None else WarmStart.model_validate_json(found)


def _fitting(store: "Store", plan: ImageSweepPlan, condition: str) -> set[str]:
    """Returns the runs that fit a condition and are no part of the plan."""
    planned = {plan.unit(group, seed).run_id for group in plan.groups for seed in group.seeds}
    return set(matching(store, plan, condition)) - planned


def find(store: "Store", plan: ImageSweepPlan, condition: str) -> WarmStart:
    """Returns the stored runs on the plan's data that fit a condition and are no part of the plan.

    Raises:
        UserError: the condition is none, or no run fits it.
    """
    chosen = _fitting(store, plan, condition)
    if not chosen:
        raise UserError(
            f"--warm-start {condition!r}: no completed run on {plan.facts.card.name} ({plan.facts.card.protocol}) fits "
            "it, beside what this sweep runs itself"
        )
    alike: dict[tuple[str, str | None], list[RunRecord]] = {}
    starts: dict[str, str] = {}
    for run_id in sorted(chosen):
        record = store.run(run_id)
        start = record.spec.stages.get(IMAGE_MODEL)
        if start is not None and start not in starts:
            starts[start] = store.run(start).spec.config.config_id
        name = None if start is None else starts[start]
        alike.setdefault((record.spec.config.config_id, name), []).append(record)
    own = (None, image_only(plan.base).config_id)
    found = [(records, _told(store, plan, records) if name in own else None) for (_, name), records in alike.items()]
    return WarmStart(
        groups=tuple(group for _, group in found if group is not None),
        outside=sum(len(records) for records, group in found if group is None),
    )


def _told(store: "Store", plan: ImageSweepPlan, records: "list[RunRecord]") -> WarmGroup | None:
    """Returns a setting as the sampler is told of it; None where it lies outside the space."""
    config = records[0].spec.config
    assert isinstance(config, ClassifierConfig | FrozenConfig)
    params = plan.space.parameters(config)
    texts = study.fixed(params, plan.space.suggest)
    if texts is None:
        return None
    values = (fmean(_values(store, records, name)) for name in plan.objectives)
    return WarmGroup(
        run_ids=tuple(record.run_id for record in records), params=params, distributions=texts, values=tuple(values)
    )


def _values(store: "Store", records: "Iterable[RunRecord]", name: ObjectiveName) -> list[float]:
    if name == "parameters":
        return [float(record.parameters) for record in records]
    if name == "multiply_adds":
        return [float(record.multiply_adds) for record in records]
    return [_accuracy(store, record) for record in records]


def _accuracy(store: "Store", record: "RunRecord") -> float:
    config = record.spec.config
    assert isinstance(config, ClassifierConfig | FrozenConfig)
    return store.evaluation(evaluation_id(record.run_id, "tune", score_of(config))).metrics["top1"]
