"""What is checked before anything is trained: refuse with a reason instead of failing hours later."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.export.configuration import classifier_of
from fieldmark.machine import cores
from fieldmark.search.training.plan import TrainPlan, config_of

if TYPE_CHECKING:
    from fieldmark.store import Store

SPARE_BYTES = 50_000_000


def threads_here() -> int:
    """Returns the threads that training in this process gets unless told: one, as each of several workers gets.

    Another number adds up sums in another order, and float32 is told apart by that within some steps. Beside a GPU they
    only prepare pictures: one a core.
    """
    import torch

    return cores() if torch.cuda.is_available() else 1


def check_start(plan: TrainPlan, store: "Store | None") -> None:
    """Refuses a start whose weights were not kept.

    Raises:
        UserError: naming the run.
    """
    if plan.start is None or store is None or not store.has_run(plan.start) or store.has_run(plan.main.run_id):
        return
    from fieldmark.store import layout

    if not store.objects.exists(layout.weights(plan.start)):
        raise UserError(f"run {plan.start}: its weights were not kept, so no model can start from them")


def check_model(plan: TrainPlan) -> None:
    """Refuses a backbone or a fusion that there is none of, or that do not fit each other.

    Raises:
        UserError: see `fieldmark.models.describe`.
    """
    from fieldmark.models.describe import describe_classifier

    describe_classifier(classifier_of(config_of(plan.main)), plan.facts.card.categories)


def check_store(store: "Store", plan: TrainPlan) -> None:
    """Writes and reads back, and looks whether there is room.

    Raises:
        UserError: where the store cannot be written, lives in one process but several workers need it, or is full.
    """
    store.probe()
    if store.url.startswith("memory://") and plan.workers[-1] > 1:
        raise UserError("--store memory:// lives in one process: use --workers 1, or a folder")
    root = Path(store.url)
    if "://" in store.url or not root.exists():
        return
    free = shutil.disk_usage(root).free
    if free < SPARE_BYTES:
        raise UserError(f"--store {store.url}: {free / 1e6:.0f} MB are free; a training needs more")
