"""Whether a claim follows from what was measured; means decide nothing that an interval leaves open."""

from dataclasses import dataclass, replace
from typing import Literal

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
    (Holm over the claim's comparisons); else it is open. `all` need every one, `most` more than half. A range is every
    pair of its values: it holds where all their intervals lie within the limit.

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
    missing = max(0, planned - len(findings))
    limit = "" if above is None else f" The limit here is {above:g} %."
    return MeasuredVerdict(status=_status(claim, judged, missing), reason=_reason(judged, missing, values) + limit)


def _judged(findings: list[Finding], values: MeasuredValues) -> list[_Judged]:
    sums = [values.contrast(one.terms) if one.terms else None for one in findings]
    pairs = list(zip(findings, sums, strict=True))
    p_values = iter(holm([_p_value(finding, found) for finding, found in pairs if found is not None]))
    return [
        _Judged(finding, found, _standing(finding, found, None if found is None else next(p_values)))
        for finding, found in pairs
    ]


def _p_value(finding: Finding, found: Difference) -> float:
    """Returns the two-sided p-value of a sum that is the limit itself; 1 within a range."""
    beyond = _beyond(finding, found)
    return 1.0 if finding.within and beyond <= 0 else replace(found, value=beyond).p_value


def _beyond(finding: Finding, found: Difference) -> float:
    """Returns by how much a sum is above the limit, or outside of a range, as a fraction."""
    return (abs(found.value) if finding.within else found.value) - finding.limit / 100


def _standing(finding: Finding, found: Difference | None, p: float | None) -> Literal["holds", "fails", "open"]:
    if not finding.terms:  # counts, which have no spread
        return "holds" if finding.holds else "fails"
    if found is None or p is None:
        return "open"
    limit = finding.limit / 100
    if max(found.high, -found.low) < limit if finding.within else found.low > limit:
        return "holds"
    beyond = _beyond(finding, found)
    against = beyond > 0 if finding.within else beyond < 0
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
        parts.append(f"{missing} of its comparisons {'are' if missing > 1 else 'is'} not measured yet")
    parts += filter(None, dict.fromkeys(values.remark(one.finding.terms) for one in judged))
    fewest = min((values.seeds(row) for one in judged for _, row in one.finding.terms), default=0)
    if fewest == 1:
        parts.append("Some values are of one seed, so the intervals leave out how much seeds differ")
    return ". ".join(parts) + "."


def _text(one: _Judged) -> str:
    if one.difference is None:
        return (
            f"{one.finding.text} (no predictions to tell an interval from)" if one.finding.terms else one.finding.text
        )
    found = one.difference
    value, low, high = (f"{100 * part:+.2f}" for part in (found.value, found.low, found.high))
    return f"{one.finding.text}: {value} [{low}, {high}]"


def _printed(row: PublishedRow) -> float | None:
    return row.value
