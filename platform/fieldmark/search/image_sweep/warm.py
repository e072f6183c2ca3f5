"""Stored runs on the same data of which a sweep's sampler is told before it is asked (`--warm-start`).

Which runs they are is written once, when the sweep begins, so that it decides alike whatever is recorded beside it.
"""

import json
from collections.abc import Iterable
from statistics import fmean
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import IMAGE_MODEL, ClassifierConfig, FrozenConfig
from fieldmark.config.canonical import image_only
from fieldmark.errors import UserError
from fieldmark.evaluation.record import score_of
from fieldmark.search import study
from fieldmark.search.image_sweep.objectives import ObjectiveName
from fieldmark.search.image_sweep.plan import ImageSweepPlan
from fieldmark.search.ledger import evaluation_id

if TYPE_CHECKING:
    import pandas as pd

    from fieldmark.store import RunRecord, Store

PREFIX = "config."
SETTINGS = "fusion_settings"
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
        outside = f"; {self.outside} more fit the condition, but {OUTSIDE}" if self.outside else ""
        return f"warm start: the sampler knows {len(self.groups)} settings of {runs} stored runs{outside}"


def warm_start(store: "Store", plan: ImageSweepPlan) -> WarmStart:
    """Returns what the sweep is told of: as written when it began, or found now and written.

    Raises:
        UserError: the condition is none, or no run fits it.
    """
    if plan.warm_start is None:
        return WarmStart()
    key = f"sweeps/{plan.sweep_id}/warm.json"
    if store.get(key) is None:
        store.put_once(key, find(store, plan, plan.warm_start).model_dump_json().encode())
    found = store.get(key)
    assert found is not None, key
    return WarmStart.model_validate_json(found)


def find(store: "Store", plan: ImageSweepPlan, condition: str) -> WarmStart:
    """Returns the stored runs on the plan's data that fit a condition and are no part of the plan.

    Raises:
        UserError: the condition is none, or no run fits it.
    """
    planned = {plan.unit(group, seed).run_id for group in plan.groups for seed in group.seeds}
    chosen = set(matching(store, plan, condition)) - planned
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


def matching(store: "Store", plan: ImageSweepPlan, condition: str) -> list[str]:
    """Returns the ids of the completed runs on the plan's data that fit a condition.

    Args:
        store: where they are recorded.
        plan: says which data, and whether runs on frozen features are meant.
        condition: as `pandas.DataFrame.query` takes it, on the columns of the store's flat table without `config.`
            and on the fusions' settings (d, h, blocks).

    Raises:
        UserError: it cannot be read, names no column, or is no condition.
    """
    frame = _frame(store, plan)
    if frame.empty:
        return []
    try:
        # Nothing but columns can be named: there are no variables to see.
        chosen = frame.eval(condition, engine="python", local_dict={}, global_dict={})
    except Exception as error:  # pandas raises whatever its parser, numpy and Python raise
        raise UserError(f"--warm-start {condition!r}: {_reason(error, frame)}") from None
    if str(getattr(chosen, "dtype", "")) != "bool" or len(chosen) != len(frame):
        raise UserError(f"--warm-start {condition!r}: is no condition, such as fusion == 'add_star' and lr < 0.01")
    return [str(one) for one in frame["run_id"][chosen]]


def _frame(store: "Store", plan: ImageSweepPlan) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow.compute as pc

    card = plan.facts.card
    here = (pc.field("fingerprint") == card.fingerprint) & (pc.field("protocol") == card.protocol)
    method = "frozen" if plan.frozen else "classifier"
    rows = store.runs(where=here & (pc.field("status") == "completed") & (pc.field("method") == method)).to_pylist()
    fields = (FrozenConfig if plan.frozen else ClassifierConfig).model_fields
    others = [name for name in store.runs(columns=None).column_names if not name.startswith(PREFIX)]
    settings = [json.loads(row[PREFIX + SETTINGS] or "{}") for row in rows]
    columns = {name: [row.get(name) for row in rows] for name in others if name != "config"}
    columns |= {name: [row.get(PREFIX + name) for row in rows] for name in fields if name != SETTINGS}
    for name in dict.fromkeys((*(key for one in settings for key in one), "d", "h", "blocks")):
        columns.setdefault(name, [one.get(name) for one in settings])
    return pd.DataFrame(columns)


def _reason(error: Exception, frame: "pd.DataFrame") -> str:
    import pandas as pd

    if isinstance(error, pd.errors.UndefinedVariableError):
        return f"{str(error).splitlines()[0]}; there are {', '.join(sorted(map(str, frame.columns)))}"
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text} (expected a condition such as fusion == 'add_star' and lr < 0.01)"


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
