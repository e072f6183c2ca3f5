"""How often each category of the test part was named rightly, by one run or by several side by side."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.errors import UserError
from fieldmark.figures.trained_runs import GREY, TrainedRun, read_runs, test_evaluation

if TYPE_CHECKING:
    from fieldmark.store import Store

MOST_NAMED = 120
"""Up to as many categories are drawn one by one, with their names; more are drawn in groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracies:
    """Accuracy on test of C categories by R runs, sorted by the first run, the lowest first."""

    runs: tuple[TrainedRun, ...]
    names_C: tuple[str, ...]
    n_C: NDArray[np.int64]
    """Test records; at least 1 each, for categories without any are left out."""
    share_RC: NDArray[np.float64]
    """Of records named rightly, in [0, 1]."""
    control_C: NDArray[np.float64] | None
    """The same of another seed of the first run, where there are several runs: what luck alone does to an order."""
    control_seed: int | None


def draw(store: "Store", run_ids: Sequence[str], path: Path) -> None:
    """Draws accuracy by category into a PNG, and writes its figures into a CSV beside it.

    Few categories are named and drawn one by one; many are drawn in groups of equal size in the order of the first
    run. An order by one run flatters the others at its low end and hurts them at its high end (regression to the
    mean): where several runs are shown and another seed of the first is stored, it is drawn as the control.

    Args:
        store: holds the runs and their predictions.
        run_ids: whole ids, of one data set and protocol.
        path: the picture's file; its name with `.csv` takes the figures.

    Raises:
        UserError: no such run, or one without predictions on test.
    """
    from fieldmark.figures import category_dots, category_groups

    found = read_accuracies(store, run_ids)
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing = category_dots if len(found.names_C) <= MOST_NAMED else category_groups
    drawing.draw(found, path)
    _write(found, path.with_suffix(".csv"))


def read_accuracies(store: "Store", run_ids: Sequence[str]) -> Accuracies:
    """Returns what the figure shows; see `draw`."""
    runs = read_runs(store, run_ids)
    known = store.categories(runs[0].record.spec.fingerprint)
    counts = [_counts(store, run.record.run_id) for run in runs]
    control = _control(store, runs)
    rows = counts if control is None else [*counts, _counts(store, control.run_id)]
    size = max(len(n_C) for n_C, _ in rows)
    n_RC, right_RC = (np.stack([np.pad(row[which], (0, size - len(row[which]))) for row in rows]) for which in (0, 1))
    tested = np.flatnonzero((n_RC > 0).all(axis=0))
    share_RC = right_RC[:, tested] / n_RC[:, tested]
    order = np.lexsort((tested, share_RC[0]))
    names = [known[category] if known else f"category {category}" for category in tested[order].tolist()]
    return Accuracies(
        runs=runs,
        names_C=tuple(names),
        n_C=n_RC[0, tested[order]].astype(np.int64),
        share_RC=share_RC[: len(runs), order],
        control_C=None if control is None else share_RC[-1, order],
        control_seed=None if control is None else control.seed,
    )


def _counts(store: "Store", run_id: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the test records of each category, and how many of them are named rightly."""
    evaluation = test_evaluation(store, run_id)
    found = None if evaluation is None else store.predictions(evaluation.evaluation_id)
    if found is None:
        raise UserError(f"run {run_id}: the store {store.url} has no predictions of it on test")
    category_N = found["true_category"].to_numpy()
    return np.bincount(category_N).astype(np.float64), np.bincount(category_N, weights=found["hit1"].to_numpy())


@dataclass(frozen=True, slots=True)
class _Control:
    run_id: str
    seed: int


def _control(store: "Store", runs: Sequence[TrainedRun]) -> _Control | None:
    first = runs[0].record
    if len(runs) < 2:
        return None
    spec = first.spec
    same = (pc.field("config_id") == spec.config.config_id) & (pc.field("fingerprint") == spec.fingerprint)
    same = same & (pc.field("protocol") == spec.protocol) & (pc.field("status") == "completed")
    rows = store.runs(["run_id", "seed"], same & (pc.field("seed") != spec.seed)).sort_by("seed").to_pylist()
    shown = {run.record.run_id for run in runs}
    tested = [row for row in rows if row["run_id"] not in shown and test_evaluation(store, row["run_id"]) is not None]
    return _Control(tested[0]["run_id"], tested[0]["seed"]) if tested else None


def about(found: Accuracies) -> str:
    """Returns what to say below the heading."""
    first, records = found.runs[0], int(found.n_C.sum())
    sizes = f"{found.n_C.min()}" if found.n_C.min() == found.n_C.max() else f"{found.n_C.min()} to {found.n_C.max()}"
    what = f"{records:,} test pictures, {sizes} a category; {first.config.backbone}, {first.config.resolution} px"
    return what


def caution(found: Accuracies) -> str:
    """Returns what an order by the first run does to the others; empty for a single run."""
    if len(found.runs) < 2:
        return ""
    told = f"Sorted by {found.runs[0].label}: by luck alone any other run looks better where it is low, worse where it is high."
    if found.control_C is None:
        return f"{told}\nNo other seed of it is stored that could show how much of the difference is this luck."
    return f"{told}\nGrey: its seed {found.control_seed}, the control; only what goes beyond it is a difference of methods."


def wilson(share: float, n: int) -> tuple[float, float]:
    """Returns Wilson's 95 % interval of a share of n, in [0, 1]."""
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _write(found: Accuracies, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        control = [] if found.control_C is None else [f"control, seed {found.control_seed}"]
        writer.writerow(["category", "n", *(run.label for run in found.runs), *control])
        for place, name in enumerate(found.names_C):
            extra = [] if found.control_C is None else [found.control_C[place]]
            writer.writerow([name, found.n_C[place], *found.share_RC[:, place].tolist(), *extra])
