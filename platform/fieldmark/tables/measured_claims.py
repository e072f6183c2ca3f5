"""Whether a claim follows from what was measured; means decide nothing that an interval leaves open."""

from dataclasses import dataclass
from typing import Literal

from fieldmark.papers.cells import find
from fieldmark.papers.claims import Claim
from fieldmark.papers.predicates import PREDICATES, Finding
from fieldmark.papers.published import PublishedRow
from fieldmark.tables.measured_values import MeasuredValues
from fieldmark.tables.statistics import Difference, holm

MeasuredStatus = Literal["holds", "does not follow", "undecided", "not measured", "not checkable"]
ALPHA = 0.05
MOST_NAMED = 4
ABOUT_PRINT = {
    "only_marked": "It speaks of marks in the printed table.",
    "gain_equals": "It speaks of numbers in the printed table.",
}
"""Kinds of claims about the print itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredVerdict:
    """Whether a claim follows from measured values."""

    status: MeasuredStatus
    reason: str


@dataclass(frozen=True, slots=True)
class _Judged:
    finding: Finding
    difference: Difference | None
    standing: Literal["holds", "fails", "open"]


def measured_verdict(claim: Claim, values: MeasuredValues, above: float | None = None) -> MeasuredVerdict:
    """Says whether a claim follows from measured values.

    A comparison holds where its 95 % interval lies on the claim's side; it fails where it is significantly on the other
    (Holm over the claim's comparisons); else it is open. `all` need every one, `most` more than half.

    Args:
        claim: of the supplement, not one of its figures'.
        values: what was measured.
        above: in percent, what an ensemble's members must be above here, instead of the printed limit.
    """
    if claim.kind in ABOUT_PRINT:
        return MeasuredVerdict(status="not checkable", reason=ABOUT_PRINT[claim.kind])
    if claim.kind == "unchecked":
        return MeasuredVerdict(status="not checkable", reason=f"{claim.note}.")
    spec = claim.spec if above is None else {**claim.spec, "limit": above}
    findings = list(PREDICATES[claim.kind](spec, values.value))
    if not findings:
        return MeasuredVerdict(status="not measured", reason="None of its rows is measured yet.")
    planned = len(list(PREDICATES[claim.kind](spec, _printed)))
    judged = _judged(findings, values)
    missing = max(0, planned - len(findings)) if claim.kind != "spread" else _unmeasured(claim, values)
    limit = "" if above is None else f" The limit here is {above:g} %."
    return MeasuredVerdict(status=_status(claim, judged, missing), reason=_reason(judged, missing, values) + limit)


def _judged(findings: list[Finding], values: MeasuredValues) -> list[_Judged]:
    differences = [values.contrast(one.terms, one.limit) if one.terms else None for one in findings]
    p_values = iter(holm([one.p_value for one in differences if one is not None]))
    return [
        _Judged(finding, found, _standing(finding, found, None if found is None else next(p_values)))
        for finding, found in zip(findings, differences, strict=True)
    ]


def _standing(finding: Finding, found: Difference | None, p: float | None) -> Literal["holds", "fails", "open"]:
    if not finding.terms:  # counts, which have no spread
        return "holds" if finding.holds else "fails"
    if found is None or p is None:
        return "open"
    holds = found.high < 0 if finding.below else found.low > 0
    if holds:
        return "holds"
    against = found.value > 0 if finding.below else found.value < 0
    return "fails" if against and p < ALPHA else "open"


def _status(claim: Claim, judged: list[_Judged], missing: int) -> MeasuredStatus:
    whole = len(judged) + missing
    holding, failing = (sum(one.standing == standing for one in judged) for standing in ("holds", "fails"))
    if claim.share == "all":
        return "does not follow" if failing else "holds" if holding == whole else "undecided"
    return "holds" if 2 * holding > whole else "does not follow" if 2 * failing >= whole else "undecided"


def _reason(judged: list[_Judged], missing: int, values: MeasuredValues) -> str:
    parts = [f"{sum(one.standing == 'holds' for one in judged)} of {len(judged) + missing} comparisons hold"]
    for standing, word in (("fails", "Not"), ("open", "Open")):
        texts = [_text(one) for one in judged if one.standing == standing]
        if texts:
            more = f"; and {len(texts) - MOST_NAMED} more" if len(texts) > MOST_NAMED else ""
            parts.append(f"{word}: {'; '.join(texts[:MOST_NAMED])}{more}")
    if missing:
        parts.append(f"{missing} of the values it compares {'are' if missing > 1 else 'is'} not measured yet")
    fewest = min((values.seeds(row) for one in judged for _, row in one.finding.terms), default=0)
    if fewest == 1:
        parts.append("Some values are of one seed, so the intervals leave out how much seeds differ")
    return ". ".join(parts) + "."


def _text(one: _Judged) -> str:
    if one.difference is None:
        return (
            f"{one.finding.text} (no predictions to tell an interval from)" if one.finding.terms else one.finding.text
        )
    found, limit = one.difference, one.finding.limit / 100
    value, low, high = (f"{100 * (part + limit):+.2f}" for part in (found.value, found.low, found.high))
    return f"{one.finding.text}: {value} [{low}, {high}]"


def _printed(row: PublishedRow) -> float | None:
    return row.value


def _unmeasured(claim: Claim, values: MeasuredValues) -> int:
    """Returns how many of a range's values are not there."""
    return sum(values.value(row) is None for selector in claim.spec["cells"] for row in find(selector))
