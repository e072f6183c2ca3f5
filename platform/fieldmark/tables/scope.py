"""What a table is about where a sweep is named: its data set, scale and image stage, and the settings it ran."""

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.config import Scale, digest
from fieldmark.errors import UserError
from fieldmark.store.records import DatasetCard
from fieldmark.tables.cards import choose_card, is_called
from fieldmark.tables.sources import Results

IMAGE_STAGE = "image_scores"
LATEST = "latest"
"""Instead of an image stage: that of the latest run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One data set, and with a sweep all that the sweep has settled."""

    card: DatasetCard
    sweep: str | None = None
    scale: Scale | None = None
    """None where no sweep settles it."""
    stage: str | None = LATEST
    """Hash of the image stage's inputs; None for a sweep without image scores."""
    settings: frozenset[str] = frozenset()
    """Config ids that the sweep planned or proposed: an earlier sweep may have run them already."""


def open_scope(store: Results, dataset: str | None, sweep: str | None) -> Scope | None:
    """Returns what a table is about, or None where the store has nothing and no sweep is named.

    Args:
        store: the results.
        dataset: a data set's name or the beginning of its fingerprint.
        sweep: a sweep's id or the beginning of it.

    Raises:
        UserError: nothing, or more than one thing, is meant; or the sweep is about another data set.
    """
    if sweep is None:
        card = choose_card(store, dataset)
        return None if card is None else Scope(card=card)
    name = _full_name(store, sweep)
    plan = store.plan(name)
    scope = _planned(store, name, plan) if plan else _unplanned(store, name)
    if dataset is not None and not is_called(scope.card, dataset):
        raise UserError(f"--dataset {dataset!r}: sweep {name[:8]} is about {scope.card.name}")
    return scope


def _full_name(store: Results, sweep: str) -> str:
    recorded = pc.unique(store.runs(columns=["sweep"]).column("sweep")).to_pylist() if sweep else []
    known: list[str] = sorted({*store.sweeps(), *(name for name in recorded if name)})
    meant = [sweep] if sweep in known else [name for name in known if sweep and name.startswith(sweep)]
    if len(meant) > 1:
        raise UserError(f"--sweep {sweep!r}: several sweeps begin so: {', '.join(meant)}")
    if not meant:
        raise UserError(f"no sweep {sweep!r} with runs in the store {store.url}")
    if (kind := (store.plan(meant[0]) or {}).get("kind")) is not None:
        raise UserError(f"--sweep {sweep!r}: is no sweep of PriorsNet but a plan of kind {kind.replace('_', ' ')}")
    return meant[0]


def _planned(store: Results, sweep: str, plan: dict[str, Any]) -> Scope:
    facts = plan["facts"]
    configs = [group["config"] for group in plan["groups"]]
    for key in store.list(f"sweeps/{sweep}/proposals"):
        data = store.get(key)
        configs += [json.loads(data)["config"]] if data is not None else []
    return Scope(
        card=DatasetCard.model_validate(facts["card"]),
        sweep=sweep,
        scale=Scale.model_validate(facts["scale"]),
        stage=plan["stages"].get(IMAGE_STAGE),
        settings=frozenset(map(digest, configs)),
    )


def _unplanned(store: Results, sweep: str) -> Scope:
    """Returns what a sweep is about by its runs alone, as in a store that was merged without its plans."""
    columns = ["method", "fingerprint", "protocol", "scale", "scale_k", "category_size"]
    runs = store.runs(columns=columns, where=pc.field("sweep") == sweep)
    own = runs.filter(pc.equal(runs.column("method"), "priorsnet"))
    first = (own if len(own) else runs).slice(0, 1).to_pylist()[0]
    for card in store.cards():
        if (card.fingerprint, card.protocol) == (first["fingerprint"], first["protocol"]):
            scale = scale_of(first) if len(own) else None
            return Scope(card=card, sweep=sweep, scale=scale)
    raise UserError(f"no data set of sweep {sweep!r} in the store {store.url}")


def scale_of(row: dict[str, Any]) -> Scale:
    """Returns the scale of a row of a catalogue."""
    return Scale(name=row["scale"], k=row["scale_k"], category_size=row["category_size"])


def at_scale_only(catalogue: pa.Table, scale: Scale) -> Any:
    """Returns which rows of a catalogue are at a scale; methods beside PriorsNet have none of their own."""
    same = pc.and_(pc.equal(catalogue.column("scale"), scale.name), pc.equal(catalogue.column("scale_k"), scale.k))
    return pc.or_(same, pc.not_equal(catalogue.column("method"), "priorsnet"))
