"""What the papers' texts claim, the rows each claim speaks of, and whether it follows from them (SCIENCE rule 13)."""

from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.papers._resources import load
from fieldmark.papers.predicates import PREDICATES, Finding, ValueOf
from fieldmark.papers.published import PublishedRow

Status = Literal["holds", "does not follow", "not checkable"]


class Claim(BaseModel):
    """One statement of a paper's text, in our words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    paper: str
    section: str
    statement: str
    rows: tuple[str, ...]
    """The tables, or table and row, it speaks of."""
    kind: str
    """A key of `predicates.PREDICATES`, or `unchecked`."""
    spec: dict[str, Any] = {}
    """The predicate's parameters."""
    share: Literal["all", "most"] = "all"
    """`most` for claims that say `in general`: more than half of the comparisons must hold."""
    note: str = ""
    """What a reader must know beside the verdict; the reason where nothing can be checked."""


class ClaimVerdict(BaseModel):
    """Whether a claim follows from a set of values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Status
    reason: str


@cache
def claims() -> tuple[Claim, ...]:
    """Returns all claims of both papers."""
    return tuple(Claim.model_validate(item) for item in load("claims"))


def printed(row: PublishedRow) -> float | None:
    """Returns the value as printed: the default source of values for a verdict."""
    return row.value


def verdict(claim: Claim, value_of: ValueOf = printed) -> ClaimVerdict:
    """Says whether a claim follows from values.

    Args:
        claim: one of `claims()`.
        value_of: gives each row's value, printed or measured, in the row's unit; None where there is none.
    """
    if claim.kind == "unchecked":
        return ClaimVerdict(status="not checkable", reason=claim.note)
    findings = list(PREDICATES[claim.kind](claim.spec, value_of))
    if not findings:
        return ClaimVerdict(status="not checkable", reason="none of the rows it speaks of has a value")
    good = sum(finding.holds for finding in findings)
    holds = good == len(findings) if claim.share == "all" else 2 * good > len(findings)
    return ClaimVerdict(status="holds" if holds else "does not follow", reason=_reason(claim, findings, good, holds))


def _reason(claim: Claim, findings: list[Finding], good: int, holds: bool) -> str:
    parts = [f"{good} of {len(findings)} comparisons hold"]
    against = [finding.text for finding in findings if not finding.holds]
    if against:
        parts.append("Not: " + "; ".join(against[:4]) + (f"; and {len(against) - 4} more" if len(against) > 4 else ""))
    if holds and (doubtful := [finding for finding in findings if 0 < finding.margin < 1.96 * finding.error]):
        example = min(doubtful, key=lambda finding: finding.margin / finding.error)
        parts.append(
            f"{len(doubtful)} of them within the sampling error of two single runs, e.g. {example.text}, "
            f"where {1.96 * example.error:.2f} points would be needed"
        )
    if claim.note:
        parts.append(claim.note)
    return ". ".join(parts) + "."
