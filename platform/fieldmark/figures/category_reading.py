"""How often each category of the test part was named rightly, read from the runs' predictions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.errors import UserError
from fieldmark.figures.trained_runs import TrainedRun, read_runs, test_evaluation

if TYPE_CHECKING:
    import pyarrow as pa

    from fieldmark.store import Store

Z_95 = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracies:
    """Accuracy on test of C categories by R runs, sorted by the first run, the lowest first."""

    runs: tuple[TrainedRun, ...]
    names_C: tuple[str, ...]
    n_C: NDArray[np.int64]
    """Test records; at least 1 each, for categories without any are left out."""
    share_RC: NDArray[np.float64]
    """Of the records, named rightly, in [0, 1]."""
    control_C: NDArray[np.float64] | None
    """The same of another seed of the first run: what luck alone does to an order. None: not stored, or one run."""
    control_seed: int | None

    def interval(self, place: int) -> tuple[float, float]:
        """Returns Wilson's 95 % interval of the first run's share in a category, in [0, 1]."""
        share, n = float(self.share_RC[0, place]), int(self.n_C[place])
        middle, scale = share + Z_95**2 / (2 * n), 1 + Z_95**2 / n
        half = Z_95 * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n * n))
        return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)

    def overall(self, shares_C: NDArray[np.float64]) -> float:
        """Returns the share over all records."""
        return float((shares_C * self.n_C).sum() / self.n_C.sum())


def read_accuracies(store: "Store", run_ids: Sequence[str]) -> Accuracies:
    """Returns the accuracy of each category by these runs.

    Raises:
        UserError: as `read_runs`, or a run has no predictions on test.
    """
    runs = read_runs(store, run_ids)
    control = _control(store, runs)
    ids = [run.record.run_id for run in runs] + ([] if control is None else [control[0]])
    n_RC, right_RC = stacked([_counts(store, run_id) for run_id in ids])
    tested = np.flatnonzero((n_RC > 0).all(axis=0))
    share_RC = right_RC[:, tested] / n_RC[:, tested]
    order = np.lexsort((tested, share_RC[0]))
    known = store.categories(runs[0].record.spec.fingerprint)
    return Accuracies(
        runs=runs,
        names_C=tuple(known[category] if known else f"category {category}" for category in tested[order].tolist()),
        n_C=n_RC[0, tested[order]].astype(np.int64),
        share_RC=share_RC[: len(runs), order],
        control_C=None if control is None else share_RC[-1, order],
        control_seed=None if control is None else control[1],
    )


def _counts(store: "Store", run_id: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the test records of each category, and how many of them are named rightly."""
    evaluation = test_evaluation(store, run_id)
    found = None if evaluation is None else store.predictions(evaluation.evaluation_id)
    if found is None:
        raise UserError(f"run {run_id}: the store {store.url} has no predictions of it on test")
    return counts(found)


def counts(predictions: "pa.Table") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the records of each category (C), and how many of them are named rightly (C)."""
    category_N = predictions["true_category"].to_numpy()
    hit_N = predictions["hit1"].to_numpy().astype(np.float64)
    return np.bincount(category_N).astype(np.float64), np.bincount(category_N, hit_N).astype(np.float64)


def stacked(
    rows: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the two rows of every run as two matrices: the last categories may be without a test record."""
    size = max(len(n_C) for n_C, _ in rows)
    n_RC = np.stack([np.pad(n_C, (0, size - len(n_C))) for n_C, _ in rows])
    return n_RC, np.stack([np.pad(right_C, (0, size - len(right_C))) for _, right_C in rows])


def _control(store: "Store", runs: Sequence[TrainedRun]) -> tuple[str, int] | None:
    """Returns the id and seed of another, tested seed of the first run that is not shown already."""
    if len(runs) < 2:
        return None
    spec = runs[0].record.spec
    same = (pc.field("config_id") == spec.config.config_id) & (pc.field("fingerprint") == spec.fingerprint)
    same = same & (pc.field("protocol") == spec.protocol) & (pc.field("status") == "completed")
    rows = store.runs(["run_id", "seed"], same & (pc.field("seed") != spec.seed)).sort_by("seed").to_pylist()
    shown = {run.record.run_id for run in runs}
    others = [row for row in rows if row["run_id"] not in shown]
    tested = (row for row in others if test_evaluation(store, row["run_id"]) is not None)
    return next(((row["run_id"], row["seed"]) for row in tested), None)
