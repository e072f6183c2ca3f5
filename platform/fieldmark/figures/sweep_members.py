"""Which rows of the store belong to a sweep: its own, and those that an earlier sweep had run already."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.config import ImageStageConfig, RunSpec

if TYPE_CHECKING:
    from fieldmark.store import Store

CONFIRMATION_SEED = 1000
"""The first of the fresh seeds on which a search's best setting is repeated."""
ALONE = ("stage", "bound")
"""Roles that belong to the data set rather than to one sweep."""
_SINGLE = pc.field("runs") == 1

Plan = Mapping[str, Any]
Row = dict[str, Any]


def runs_of(store: "Store", sweep: str, plan: Plan, columns: Sequence[str]) -> list[Row]:
    """Returns the runs that a sweep recorded or found recorded, with these columns."""
    rows: list[Row] = store.runs(columns=columns, where=_mine(store, sweep, plan)).to_pylist()
    return rows


def evaluations_of(store: "Store", sweep: str, plan: Plan, columns: Sequence[str]) -> list[Row]:
    """Returns the single-run evaluations of these runs, and those that stand alone, whoever recorded them.

    An image-only run and a bound are run once for a data set, by whichever sweep or training comes first. Each
    setting that this sweep has not recorded itself is lent, where it is on the sweep's image stage. Bounds at another
    resolution than the image stage's, which trainings record, are left out.

    Args:
        store: the results.
        sweep: the sweep's id.
        plan: its plan; without one nothing is lent.
        columns: those wanted, `run_id`, `method`, `config_id`, `config`, `seed` and `role` among them.
    """
    own: list[Row] = store.evaluations(columns=columns, where=_mine(store, sweep, plan) & _SINGLE).to_pylist()
    recorded = {row["config_id"] for row in own}
    rows = own + [row for row in _alone(store, plan, columns) if row["config_id"] not in recorded]
    resolution = _resolution(rows)
    return [row for row in rows if row["method"] != "bayes" or _seen(row) == resolution]


def _alone(store: "Store", plan: Plan, columns: Sequence[str]) -> Iterator[Row]:
    """Yields what was recorded on the plan's data by anyone, on its image stage or on none."""
    card = _card(plan)
    if not card:
        return
    here = (pc.field("fingerprint") == card["fingerprint"]) & (pc.field("protocol") == card["protocol"])
    where = here & pc.field("role").isin(pa.array(ALONE)) & _SINGLE
    for row in store.evaluations(columns=columns, where=where).to_pylist():
        inputs = {"config": json.loads(row["config"]), "seed": row["seed"]}
        ids = {_spec(card, stages, **inputs).run_id for stages in (dict[str, str](), plan.get("stages", {}))}
        if row["run_id"] in ids:
            yield row


def _resolution(rows: Sequence[Row]) -> int:
    """Returns the side in pixels at which the image stage sees the pictures; the default's where there is none."""
    return next((_seen(row) for row in rows if row["method"] == "image_only"), ImageStageConfig().resolution)


def _seen(row: Row) -> int:
    return int(json.loads(row["config"])["resolution"])


def planned_runs(store: "Store", sweep: str, plan: Plan) -> Iterator[str]:
    """Yields the ids of the runs that a sweep's plan and proposals name, without the plan none."""
    card = _card(plan)
    fresh = range(CONFIRMATION_SEED, CONFIRMATION_SEED + plan.get("seeds", 0))
    for config, seeds in _planned(store, sweep, plan) if card else ():
        stages = dict(plan.get("stages", {}))
        if config.get("train_on") == "superset":
            stages["superset"] = card["superset_fingerprint"] or ""
        spec = _spec(card, stages, config=config)
        yield from (spec.model_copy(update={"seed": seed}).run_id for seed in (*seeds, *fresh))


def _mine(store: "Store", sweep: str, plan: Plan) -> pc.Expression:
    planned = pa.array(planned_runs(store, sweep, plan), pa.string())
    return (pc.field("sweep") == sweep) | pc.field("run_id").isin(planned)


def _spec(card: Mapping[str, Any], stages: Mapping[str, str], **inputs: Any) -> RunSpec:
    identity = {"dataset": card["name"], "fingerprint": card["fingerprint"], "protocol": card["protocol"]}
    return RunSpec.model_validate({**identity, "stages": stages, **inputs})


def _card(plan: Plan) -> Mapping[str, Any]:
    card: Mapping[str, Any] = plan.get("facts", {}).get("card", {})
    return card


def _planned(store: "Store", sweep: str, plan: Plan) -> Iterator[tuple[Mapping[str, Any], Sequence[int]]]:
    for group in plan.get("groups", ()):
        yield group["config"], group["seeds"]
    for key in store.list(f"sweeps/{sweep}/proposals"):
        data = store.get(key)
        if data is not None:
            yield json.loads(data)["config"], (0,)
