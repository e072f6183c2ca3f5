"""What a table says about the Bayes classifier's bound (SCIENCE rule 20)."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.tables.context import BASELINES, Context
from fieldmark.tables.statistics import bound_violations, summarise

ALPHA = 0.05
MOST_TESTED = 200
"""Runs whose predictions are read: those that exceed the bound most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """Every PriorsNet and baseline run under a score."""

    size: int
    above: tuple[str, ...]
    """Evaluations with a higher top-1 than the bound, the highest first."""


def bound_sentence(context: Context) -> str | None:
    """Says how near the runs come to the bound and whether one exceeds it beyond luck; None without a bound or runs."""
    bound = context.bound
    if bound is None:
        return None
    top = summarise(bound.metrics["top1"]).mean
    family = _family(context, top)
    if not family.size:
        return None
    text = f"Bound: the Bayes classifier has {100 * top:.2f} % on the same test images"
    every = f"{family.size:,} runs of PriorsNet and the baselines under this score"
    if not family.above:
        return f"{text}; none of the {every} exceeds it."
    p_values = _tested(context, family)
    if p_values is None:
        return f"{text}; {len(family.above):,} of the {every} exceed it, but predictions to test it with were not kept."
    beaten, smallest = sum(p < ALPHA for p in p_values), min(p_values)
    if not beaten:
        return (
            f"{text}; none of the {every} exceeds it beyond luck (one-sided exact tests, Holm, "
            f"smallest p = {smallest:.2g})."
        )
    return f"{text}; {beaten} of the {every} exceed it (Holm, p = {smallest:.2g}): the bound or a run is wrong."


def _family(context: Context, top: float) -> _Family:
    """Reads a score's column of top-1: a run that does not exceed the bound needs no test to count in the family.

    The bound holds whatever the sweep, the scale, the image classifier and the records learned from.
    """
    card = context.card
    here = (pc.field("fingerprint") == card.fingerprint) & (pc.field("protocol") == card.protocol)
    methods = pa.array(["priorsnet", *BASELINES])
    where = here & (pc.field("split") == "test") & (pc.field("runs") == 1) & (pc.field("score") == context.score)
    where = where & pc.field("method").isin(methods)
    found = context.store.evaluations(columns=["evaluation_id", "run_id", "top1"], where=where)
    cut_off = context.store.runs(columns=["run_id"], where=here & (pc.field("status") != "completed"))
    if len(cut_off):
        known = cut_off.column("run_id").combine_chunks()
        found = found.filter(pc.invert(pc.is_in(found.column("run_id"), value_set=known)))
    above = found.filter(pc.greater(found.column("top1"), top)).sort_by([("top1", "descending")])
    return _Family(size=len(found), above=tuple(above.column("evaluation_id").to_pylist()))


def _tested(context: Context, family: _Family) -> list[float] | None:
    """Returns the corrected p-values of the runs above the bound whose predictions were kept; None without any."""
    bound_SN = context.predictions.hits(context.bound) if context.bound is not None else None
    rows = [context.predictions.hits_of(evaluation_id) for evaluation_id in family.above[:MOST_TESTED]]
    runs = [row for row in rows if row is not None]
    if bound_SN is None or not runs:
        return None
    return bound_violations(np.stack(runs), bound_SN[0], family.size)
