"""The claims that the supplement only draws (Figures S2 to S4), on what a reproduction measured."""

import json
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.tables.measured_claims import ALPHA, MeasuredStatus, MeasuredVerdict
from fieldmark.tables.reproduction import ReproductionPlan
from fieldmark.tables.sources import Results
from fieldmark.tables.statistics import mcnemar

EARLY = 2 / 3
"""The paper trains GeoNet for 90 epochs and finds the best before the 60th."""
IMAGE_ONLY_LABEL = "image-only"
CONTROL_LABEL = "image-only, second seed"
DYNAMIC_LABEL = "Dynamic MLP"
REPLICATES = 1000
NOT_YET = "Its figure's runs are not recorded yet."


class FigureResults(Results, Protocol):
    """What figures need of a store beyond what tables need."""

    def curve(self, run_id: str) -> pa.Table | None:
        """Returns a run's figures by epoch, or None."""
        ...


def best_epochs(store: FigureResults, plan: ReproductionPlan) -> MeasuredVerdict:
    """Says whether every GeoNet run of Figure S2 was best on tune in the first two thirds of its epochs."""
    runs = {label: run for label, run in plan.figures.get("figS2", {}).items() if not label.endswith("image only")}
    curves = {label: store.curve(run) for label, run in runs.items()}
    found = {label: _best_epoch(curve) for label, curve in curves.items() if curve is not None}
    if not found:
        return MeasuredVerdict(status="not measured", reason=NOT_YET)
    early = {label: epoch <= EARLY * epochs for label, (epoch, epochs) in found.items()}
    said = "; ".join(
        f"{label}: best on tune after epoch {epoch} of {epochs}" for label, (epoch, epochs) in found.items()
    )
    left = f" {len(runs) - len(found)} of its runs are not recorded yet." if len(found) < len(runs) else ""
    status = _status([*early.values(), not left]) if all(early.values()) else "does not follow"
    return MeasuredVerdict(status=status, reason=f"{said}; one run each.{left}")


def better_maps(store: FigureResults, plan: ReproductionPlan) -> MeasuredVerdict:
    """Says whether Dynamic MLP's activation maps point at the world's marks more often than the others' do.

    The pointing game's result lies in the store, `{"methods": {LABEL: {"hits": H, "pictures": N}}}`; the intervals are
    those of two shares of independent pictures, which is wider than a paired one.
    """
    text = store.get(f"sweeps/{plan.plan_id}/figures/S3.json")
    shares = _pointing(text) if text is not None else {}
    rivals = {label: one for label, one in shares.items() if label != DYNAMIC_LABEL}
    if DYNAMIC_LABEL not in shares or not rivals:
        return MeasuredVerdict(status="not measured", reason="The pointing game of Figure S3 was not played yet.")
    own, pictures = shares[DYNAMIC_LABEL]
    gaps = {
        label: (own - other, 1.96 * float(np.hypot(_error(own, pictures), _error(other, number))))
        for label, (other, number) in rivals.items()
    }
    said = f"{DYNAMIC_LABEL} {100 * own:.1f} %, " + ", ".join(f"{k} {100 * v:.1f} %" for k, (v, _) in rivals.items())
    status = _status(gap - reach > 0 for gap, reach in gaps.values())
    if any(gap + reach < 0 for gap, reach in gaps.values()):
        status = "does not follow"
    return MeasuredVerdict(status=status, reason=f"Maps whose peak lies in the mark, of {pictures} pictures: {said}.")


def helped_categories(store: FigureResults, plan: ReproductionPlan) -> MeasuredVerdict:
    """Says whether Dynamic MLP helps most categories, the hard ones most.

    Categories are ranked by the image-only model; its second seed shows how much regression to the mean makes of that
    (SCIENCE rule 14), and is taken off.
    """
    labels = (IMAGE_ONLY_LABEL, CONTROL_LABEL, DYNAMIC_LABEL)
    runs = [plan.figures.get("figS4", {}).get(label) for label in labels]
    read = [None if run is None else _by_category(store, run) for run in runs]
    kept = [one for one in read if one is not None]
    if len(kept) < len(labels):
        return MeasuredVerdict(status="not measured", reason=NOT_YET)
    alone_C, control_C, dynamic_C = kept
    helps_C, harms_C = (dynamic_C > alone_C).astype(np.float64), (dynamic_C < alone_C).astype(np.float64)
    helped, harmed, clear = int(helps_C.sum()), int(harms_C.sum()), mcnemar(helps_C, harms_C) < ALPHA  # a sign test
    most, against = clear and helped > len(alone_C) / 2, clear and harmed > helped
    value, low, high = _hard_less_easy(alone_C, dynamic_C - control_C)
    reason = (
        f"{helped} of {len(alone_C)} categories gain and {harmed} lose; the harder half gains {100 * value:+.1f} "
        f"[{100 * low:+.1f}, {100 * high:+.1f}] points more than the easier half, beyond what a second image-only seed "
        "does; one run each."
    )
    status = "does not follow" if against or high < 0 else _status([most, low > 0])
    return MeasuredVerdict(status=status, reason=reason)


FIGURE_CLAIMS: dict[str, Callable[[FigureResults, ReproductionPlan], MeasuredVerdict]] = {
    "figs2-epochs": best_epochs,
    "figs3-cam": better_maps,
    "figs4-categories": helped_categories,
}
"""By the claim's id."""


def _status(holding: Iterable[bool]) -> MeasuredStatus:
    return "holds" if all(holding) else "undecided"


def _best_epoch(curve: pa.Table) -> tuple[int, int]:
    """Returns the first of the best epochs on tune, and how many there are."""
    top1 = np.nan_to_num(curve["top1"].to_numpy().astype(np.float64), nan=-1.0)
    epochs = curve["epoch"].to_numpy()
    return int(epochs[int(top1.argmax())]), int(epochs.max())


def _pointing(text: bytes) -> dict[str, tuple[float, int]]:
    methods = json.loads(text)["methods"]
    return {label: (one["hits"] / one["pictures"], one["pictures"]) for label, one in methods.items()}


def _error(share: float, number: int) -> float:
    return float(np.sqrt(share * (1 - share) / number))


def _by_category(store: FigureResults, run_id: str) -> NDArray[np.float64] | None:
    """Returns top-1 by category on test, the categories ascending, or None where it is not recorded."""
    where = (pc.field("run_id") == run_id) & (pc.field("split") == "test") & pc.field("score").isin(["image", "joint"])
    rows = store.evaluations(columns=["evaluation_id", "score"], where=where).sort_by([("score", "descending")])
    ids = rows["evaluation_id"].to_pylist()
    found = store.predictions(ids[0]) if ids else None  # the joint score, where there is one
    if found is None:
        return None
    grouped = found.group_by("true_category").aggregate([("hit1", "mean")]).sort_by("true_category")
    top1_C: NDArray[np.float64] = grouped["hit1_mean"].to_numpy().astype(np.float64)
    return top1_C


def _hard_less_easy(rank_C: NDArray[np.float64], gain_C: NDArray[np.float64]) -> tuple[float, float, float]:
    """Returns the mean gain of the harder half less the easier half's, with an interval over categories."""
    order_C = np.argsort(rank_C, kind="stable")
    hard, easy = gain_C[order_C[: len(order_C) // 2]], gain_C[order_C[len(order_C) // 2 :]]
    random = np.random.default_rng(0)
    draws = [random.choice(half, (REPLICATES, len(half))).mean(axis=1) for half in (hard, easy)]
    low, high = np.quantile(draws[0] - draws[1], (0.025, 0.975))
    return float(hard.mean() - easy.mean()), float(low), float(high)
