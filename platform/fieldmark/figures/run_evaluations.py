"""The evaluations that figures read, by run."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from fieldmark.errors import UserError
from fieldmark.figures.drawing import Facts
from fieldmark.store import EvaluationRecord

if TYPE_CHECKING:
    from fieldmark.store import Store

SCORES = ("joint", "product_raw", "image", "prior_raw")
"""Score sources in the order in which one is taken for the method's: a joint classifier's own, a prior times images."""


def evaluation_of(store: "Store", run_id: str, split: str) -> EvaluationRecord | None:
    """Returns a run's own evaluation, by the first of `SCORES` that it has, or None."""
    where = (pc.field("run_id") == run_id) & (pc.field("split") == split) & (pc.field("runs") == 1)
    found = {one.score: one for one in store.evaluation_records(where)}
    return next((found[score] for score in SCORES if score in found), None)


def needed_evaluation(store: "Store", run_id: str, split: str) -> EvaluationRecord:
    """Returns a run's own evaluation.

    Raises:
        UserError: it is not recorded.
    """
    found = evaluation_of(store, run_id, split)
    if found is None:
        raise UserError(f"run {run_id}: the store {store.url} has no evaluation of it on {split}")
    return found


def facts(evaluations: Iterable[EvaluationRecord]) -> Facts:
    """Returns what a figure of these evaluations says of its numbers; of several data sets all names."""
    listed = list(evaluations)
    return Facts(
        dataset=", ".join(dict.fromkeys(one.spec.dataset for one in listed)),
        split=listed[0].split,
        n=max(one.n for one in listed),
        smoke=any(one.scale.name == "smoke" for one in listed),
        frozen=any(one.spec.config.method == "frozen" for one in listed),
    )
