"""Which rows of the store belong to a sweep: its own, and those that an earlier sweep had run already."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.config import RunSpec

if TYPE_CHECKING:
    from fieldmark.store import Store

CONFIRMATION_SEED = 1000
"""The first of the fresh seeds on which a search's best setting is repeated."""
ALONE = ("stage", "bound")
"""Roles that belong to the data set rather than to one sweep."""

Plan = Mapping[str, Any]
Row = dict[str, Any]


def runs_of(store: "Store", sweep: str, plan: Plan, columns: Sequence[str]) -> list[Row]:
    """Returns the runs that a sweep recorded or found recorded, with these columns."""
    rows: list[Row] = store.runs(columns=columns, where=_mine(store, sweep, plan)).to_pylist()
    return rows


def evaluations_of(store: "Store", sweep: str, plan: Plan, columns: Sequence[str]) -> list[Row]:
    """Returns the single-run evaluations of these runs; what stands alone is lent by other sweeps on the same data."""
    found = store.evaluations(columns=columns, where=_mine(store, sweep, plan) & (pc.field("runs") == 1))
    missing = [role for role in ALONE if role not in found["role"].to_pylist()]
    card = _card(plan)
    if card and missing:
        here = (pc.field("fingerprint") == card["fingerprint"]) & (pc.field("protocol") == card["protocol"])
        found = pa.concat_tables(
            [found, store.evaluations(columns=columns, where=here & pc.field("role").isin(missing))]
        )
    rows: list[Row] = found.to_pylist()
    return rows


def planned_runs(store: "Store", sweep: str, plan: Plan) -> Iterator[str]:
    """Yields the ids of the runs that a sweep's plan and proposals name, without the plan none."""
    card = _card(plan)
    fresh = range(CONFIRMATION_SEED, CONFIRMATION_SEED + plan.get("seeds", 0))
    for config, seeds in _planned(store, sweep, plan) if card else ():
        stages = dict(plan.get("stages", {}))
        if config.get("train_on") == "superset":
            stages["superset"] = card["superset_fingerprint"] or ""
        identity = {"fingerprint": card["fingerprint"], "protocol": card["protocol"], "stages": stages}
        spec = RunSpec.model_validate({"config": config, "dataset": card["name"], **identity})
        yield from (spec.model_copy(update={"seed": seed}).run_id for seed in (*seeds, *fresh))


def _mine(store: "Store", sweep: str, plan: Plan) -> pc.Expression:
    planned = pa.array(planned_runs(store, sweep, plan), pa.string())
    return (pc.field("sweep") == sweep) | pc.field("run_id").isin(planned)


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
