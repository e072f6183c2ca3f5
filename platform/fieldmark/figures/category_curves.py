"""Figure S4 of Yang et al. (2022): top-1 by category, sorted by the image-only model, averaged over neighbours."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.config import IMAGE_MODEL
from fieldmark.errors import UserError
from fieldmark.figures.category_reading import counts, stacked
from fieldmark.figures.drawing import Facts
from fieldmark.figures.run_evaluations import facts
from fieldmark.tables.scope import IMAGE_STAGE

if TYPE_CHECKING:
    import pyarrow as pa

    from fieldmark.store import Store
    from fieldmark.store.records import EvaluationRecord

PAPER_GROUP = 100
"""Adjacent categories that the paper averages over, of 10,000."""
GROUPS = 15
"""About so many groups are made here, fewer than 100 categories being there to average over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryLine:
    """One method."""

    label: str
    evaluation_id: str
    is_control: bool
    """Whether it is the baseline again with another seed (SCIENCE rule 14)."""
    top1: float
    """Over all records, a fraction."""
    group_top1: tuple[float, ...]
    """Mean over the categories of each group, of each category's top-1."""
    turned_right: float
    """Records that the baseline names wrongly and this method rightly; ties count in shares."""
    turned_wrong: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCurves:
    """Methods by group of adjacent categories, worst by the baseline first."""

    facts: Facts
    baseline: str
    control: str | None
    categories: int
    group_sizes: tuple[int, ...]
    """Categories in each group."""
    group_records: tuple[int, ...]
    lines: tuple[CategoryLine, ...]
    """The baseline first, the control last."""
    missing: tuple[str, ...] = ()
    """Methods that the figure should show and that are not stored."""
    on_baseline: tuple[str, ...] = ()
    """Methods that start from the baseline's own run, and so share its luck, which the control does not."""

    def to_json(self) -> dict[str, Any]:
        """Returns values that `json.dumps` takes."""
        found = asdict(self)
        return {"figure": "S4", **found.pop("facts"), **found}


def category_curves(
    store: "Store",
    evaluations: Mapping[str, str],
    *,
    baseline: str,
    control: str | None = None,
    missing: tuple[str, ...] = (),
) -> CategoryCurves:
    """Returns the accuracy of each method by group.

    Args:
        store: holds the evaluations with their predictions.
        evaluations: label to evaluation id, all on the same records.
        baseline: label of the evaluation that sorts the categories.
        control: label of another seed of the baseline, or None.
        missing: methods to be named as not stored.

    Raises:
        UserError: an evaluation or its predictions are missing, or they are of different records (SCIENCE rule 8).
    """
    order = [baseline, *(label for label in evaluations if label not in (baseline, control))]
    order += [control] if control is not None else []
    records = [store.evaluation(evaluations[label]) for label in order]
    if len({(record.spec.fingerprint, record.spec.protocol) for record in records}) > 1:
        raise UserError("figure S4: these evaluations are of different data sets or protocols")
    tables = _aligned(store, {label: evaluations[label] for label in order})
    n_RC, right_RC = stacked([counts(tables[label]) for label in order])
    tested = np.flatnonzero((n_RC > 0).all(axis=0))
    share_RC = right_RC[:, tested] / n_RC[:, tested]
    sorted_C = np.lexsort((tested, share_RC[0]))
    groups = np.array_split(sorted_C, group_count(len(sorted_C)))
    first_N = _hits(tables[baseline])
    lines = []
    for place, label in enumerate(order):
        hit_N = _hits(tables[label])
        lines.append(
            CategoryLine(
                label=label,
                evaluation_id=evaluations[label],
                is_control=label == control,
                top1=float(hit_N.mean()),
                group_top1=tuple(float(share_RC[place, group].mean()) for group in groups),
                turned_right=float((hit_N * (1 - first_N)).sum()),
                turned_wrong=float((first_N * (1 - hit_N)).sum()),
            )
        )
    return CategoryCurves(
        facts=facts(records),
        baseline=baseline,
        control=control,
        categories=len(sorted_C),
        group_sizes=tuple(map(len, groups)),
        group_records=tuple(int(n_RC[0, tested[group]].sum()) for group in groups),
        lines=tuple(lines),
        missing=missing,
        on_baseline=tuple(
            label for label, record in zip(order, records, strict=True) if _starts_from(record, records[0].run_ids[0])
        ),
    )


def _starts_from(record: "EvaluationRecord", baseline: str) -> bool:
    """Returns whether a run starts from the baseline; a prior does whose image scores are, in a reproduction, its."""
    return record.spec.stages.get(IMAGE_MODEL) == baseline or IMAGE_STAGE in record.spec.stages


def group_count(categories: int) -> int:
    """Returns how many groups so many categories are dealt into: the paper's of 100 each, or about 15."""
    return max(min(GROUPS, categories), categories // PAPER_GROUP)


def _aligned(store: "Store", evaluations: Mapping[str, str]) -> "dict[str, pa.Table]":
    """Returns each label's predictions, in the order of their image ids."""
    found: dict[str, pa.Table] = {}
    for label, evaluation_id in evaluations.items():
        table = store.predictions(evaluation_id)
        if table is None:
            raise UserError(f"{label}: the store {store.url} has no predictions of evaluation {evaluation_id}")
        found[label] = table.select(["image_id", "true_category", "hit1"]).sort_by("image_id")
    first = next(iter(found.values()))
    for label, table in found.items():
        if not table["image_id"].equals(first["image_id"]):
            raise UserError(f"{label}: is evaluated on other records, so one figure must not show it beside the others")
    return found


def _hits(predictions: "pa.Table") -> NDArray[np.float64]:
    found: NDArray[np.float64] = predictions["hit1"].to_numpy().astype(np.float64)
    return found
