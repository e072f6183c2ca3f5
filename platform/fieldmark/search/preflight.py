"""What is checked before anything is computed: refuse with a reason instead of failing hours later, or hanging."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.data.observations import DataSet
from fieldmark.errors import UserError
from fieldmark.search.estimate import bytes_of
from fieldmark.search.options import SweepOptions
from fieldmark.search.plan import SweepPlan

if TYPE_CHECKING:
    from fieldmark.store import Store

SPARE_BYTES = 50_000_000


def check_places(data: DataSet, spec: str) -> None:
    """Refuses data without places, from which no location prior can be learned.

    Raises:
        UserError: if no record has one.
    """
    if not data.observations.place_time.has_place_N.any():
        raise UserError(
            f"--data {spec}: no record has a place, and a location prior is learned from places; "
            "pictures alone can be learned by fieldmark train --fusion image_only"
        )


def check_data(plan: SweepPlan) -> None:
    """Refuses data on which nothing can be learned, chosen or reported.

    Raises:
        UserError: naming the part that has no records.
    """
    card = plan.facts.card
    purposes = {"train": "to learn from", "tune": "to choose settings on", "test": "to report on"}
    for part, purpose in purposes.items():
        if not card.counts.get(part):
            raise UserError(
                f"--data {card.spec}: split protocol {card.protocol} leaves no {part} records {purpose}; "
                "try another --protocol"
            )


def check_store(store: "Store", plan: SweepPlan, options: SweepOptions) -> None:
    """Writes and reads back, reads every record, and looks whether there is room.

    Raises:
        UserError: where the store cannot be written, is damaged, is unfit for the executor, or its disk is full.
    """
    store.probe()
    for catalogue, column in ((store.runs, "run_id"), (store.evaluations, "evaluation_id")):
        catalogue(columns=[column])  # names a damaged file now, before a lease or anything else is written
    if options.executor == "tune" and store.url.startswith("memory://"):
        raise UserError("--store memory:// lives in one process: use --executor local, or a folder")
    root = Path(store.url)
    if "://" in store.url or not root.exists():
        return
    runs = sum(len(group.seeds) for group in plan.groups) + plan.trials + plan.seeds
    tasks = plan.tasks(plan.groups[0])[:1] * runs
    needed = bytes_of(tasks, plan.facts) + SPARE_BYTES
    free = shutil.disk_usage(root).free
    if free < needed:
        raise UserError(
            f"--store {store.url}: {free / 1e6:.0f} MB are free; this sweep needs about {needed / 1e6:.0f} MB"
        )
