"""The claims that the supplement only draws (Figures S2 to S4), on what a reproduction measured."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.tables.measured_claims import ALPHA, MeasuredStatus, MeasuredVerdict
from fieldmark.tables.reproduction import ReproductionPlan
from fieldmark.tables.sources import Results
from fieldmark.tables.statistics import Difference, holm, mcnemar

EARLY = 2 / 3
"""The paper trains GeoNet for 90 epochs and finds the best before the 60th."""
IMAGE_ONLY_LABEL = "image-only"
CONTROL_LABEL = "image-only, second seed"
DYNAMIC_LABEL = "Dynamic MLP"
REPLICATES = 1000
NOT_YET = "Its figure's runs are not recorded yet."
NOT_PLAYED = "The pointing game of Figure S3 was not played yet."
NO_MARKS = "In the figure's pictures no mark is known that a map could point at."
Z = 1.96
"""Standard errors that a 95 % interval reaches."""


class FigureResults(Results, Protocol):
    """What figures need of a store beyond what tables need."""

    def curve(self, run_id: str) -> pa.Table | None:
        """Returns a run's figures by epoch, or None."""
        ...


def pointing_game_key(plan: ReproductionPlan) -> str:
    """Returns where the store has Figure S3's pointing game: `{"pointing_game": [ROW, ...]}`, a row a method."""
    return f"sweeps/{plan.plan_id}/figures/S3.json"


def best_epochs(store: FigureResults, plan: ReproductionPlan) -> MeasuredVerdict:
    """Says whether Figure S2's GeoNet is generally best on tune in the first two thirds of its epochs.

    Generally: on more than half of the data sets. Two bests within tune's sampling error of each other decide nothing.
    """
    runs = {label: run for label, run in plan.figures.get("figS2", {}).items() if not label.endswith("image only")}
    read = {label: _bests(store, run) for label, run in runs.items()}
    found = {label: one for label, one in read.items() if one is not None}
    if not found:
        return MeasuredVerdict(status="not measured", reason=NOT_YET)
    early = sum(one.lead > one.reach for one in found.values())
    late = sum(-one.lead > one.reach for one in found.values())
    status = _status([2 * early > len(runs)]) if 2 * late < len(runs) else "does not follow"
    said = "; ".join(
        f"{label}: best on tune after epoch {one.epoch} of {one.epochs}, the first two thirds' best "
        f"{100 * one.lead:+.2f} points against the rest's, {100 * one.reach:.2f} points of sampling error"
        for label, one in found.items()
    )
    left = f" {len(runs) - len(found)} of its runs are not recorded yet." if len(found) < len(runs) else ""
    counts = f"Clearly early on {early} and clearly late on {late} of {len(runs)} data sets"
    return MeasuredVerdict(status=status, reason=f"{counts}. {said}; one run each.{left}")


def better_maps(store: FigureResults, plan: ReproductionPlan) -> MeasuredVerdict:
    """Says whether Dynamic MLP's activation maps point at the world's marks more often than the others' do.

    The paper draws CAM, so CAM decides, though it is taken before the fusion; Grad-CAM is named beside it (SCIENCE
    rule 22). The intervals are those of two shares of independent pictures, which is wider than a paired one.
    """
    text = store.get(pointing_game_key(plan))
    planned = set(plan.figures.get("figS3", {}).values())
    rows = [one for one in json.loads(text)["pointing_game"] if one["run_id"] in planned] if text is not None else []
    own = next((one for one in rows if one["label"] == DYNAMIC_LABEL), None)
    rivals = [one for one in rows if one is not own]
    if own is None or not rivals:
        return MeasuredVerdict(status="not measured", reason=NOT_PLAYED)
    if not own["n"]:
        return MeasuredVerdict(status="not checkable", reason=NO_MARKS)
    reason = (
        f"Maps that point at the mark, of {own['n']} pictures. CAM, before the fusion: {_shares(rows, 'cam_hits')}. "
        f"Grad-CAM, after it: {_shares(rows, 'grad_cam_hits')}. CAM decides, as in the paper's figure; one run each."
    )
    if own["cam_hits"] is None:
        return MeasuredVerdict(status="not checkable", reason=reason)
    gaps = [_gap(own, rival) for rival in rivals if rival["cam_hits"] is not None]
    status = _status([len(gaps) == len(rivals), *(gap.low > 0 for gap in gaps)])
    behind = (gap.value < 0 and p < ALPHA for gap, p in zip(gaps, holm([gap.p_value for gap in gaps]), strict=True))
    return MeasuredVerdict(status="does not follow" if any(behind) else status, reason=reason)


def helped_categories(store: FigureResults, plan: ReproductionPlan) -> MeasuredVerdict:
    """Says whether Dynamic MLP helps most categories, the hard ones most.

    Categories are ranked by the image-only model's second seed, whose luck neither compared model has. Ranked by the
    first, from which Dynamic MLP may start, the hard ones would gain by regression to the mean (SCIENCE rule 14).
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
    value, low, high = _hard_less_easy(control_C, dynamic_C - alone_C)
    reason = (
        f"{helped} of {len(alone_C)} categories gain and {harmed} lose; the harder half gains {100 * value:+.1f} "
        f"[{100 * low:+.1f}, {100 * high:+.1f}] points more than the easier half. A second image-only seed ranks the "
        "categories, so that none is hard by the bad luck of a model compared here; one run each."
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


class _Bests(NamedTuple):
    """One training's best accuracies on tune."""

    epoch: int
    """The first of the best."""
    epochs: int
    lead: float
    """Best of the first two thirds less best of the rest, a fraction; 0 where one of them is not known."""
    reach: float
    """Half of the 95 % interval of a share of so many pictures."""


def _bests(store: FigureResults, run_id: str) -> _Bests | None:
    """Returns a run's best epochs, or None before it and its evaluation are recorded."""
    curve = store.curve(run_id)
    where = (pc.field("run_id") == run_id) & (pc.field("split") == "tune")
    pictures = store.evaluations(columns=["n"], where=where)["n"].to_pylist()
    if curve is None or not pictures:
        return None
    top1, epochs = np.nan_to_num(curve["top1"].to_numpy().astype(np.float64), nan=-1.0), curve["epoch"].to_numpy()
    last, best = int(epochs.max()), int(top1.argmax())
    early, late = (float(top1[part].max(initial=-1.0)) for part in (epochs <= EARLY * last, epochs > EARLY * last))
    return _Bests(
        epoch=int(epochs[best]),
        epochs=last,
        lead=early - late if min(early, late) >= 0 else 0.0,
        reach=Z * _error(max(float(top1[best]), 0.0), pictures[0]),
    )


def _shares(rows: Sequence[dict[str, Any]], hits: str) -> str:
    said = (f"{100 * one[hits] / one['n']:.1f} %" if one[hits] is not None else "none" for one in rows)
    return ", ".join(f"{one['label']} {share}" for one, share in zip(rows, said, strict=True))


def _gap(own: dict[str, Any], rival: dict[str, Any]) -> Difference:
    share, other = (one["cam_hits"] / one["n"] for one in (own, rival))
    gap, error = share - other, float(np.hypot(_error(share, own["n"]), _error(other, rival["n"])))
    return Difference(value=gap, low=gap - Z * error, high=gap + Z * error, error=error)


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
