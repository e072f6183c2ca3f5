"""Every claim of the supplement with its verdict on the printed rows and on the measured ones (SCIENCE rule 13)."""

from dataclasses import dataclass
from typing import Any

from fieldmark.papers import Claim, ClaimVerdict, claims, verdict
from fieldmark.tables.figure_claims import FIGURE_CLAIMS, FigureResults
from fieldmark.tables.grid import Column, Grid, Row
from fieldmark.tables.measured_claims import MeasuredVerdict, measured_verdict
from fieldmark.tables.measured_values import MeasuredValues
from fieldmark.tables.reproduction import ReproductionPlan

PAPER = "dynamic_mlp_supplement"
NO_PLAN = MeasuredVerdict(status="not measured", reason="No reproduction is planned in this store.")
DECIDED = (
    "Measured: a comparison holds where the 95 % interval of a paired bootstrap over seeds and test images lies on the "
    "claim's side, fails where it is significantly on the other side (Holm over the claim's comparisons), and is open "
    "otherwise; with one of them open, a claim about all is undecided."
)
SMOKE = (
    "Measured at scale smoke, by stand-ins on generated worlds: a demonstration of the method. It says nothing about "
    "the paper's own numbers."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """A claim with its verdicts."""

    claim: Claim
    printed: ClaimVerdict
    measured: MeasuredVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsTable:
    """The claims of the supplement, in the order of its tables and figures."""

    rows: tuple[ClaimRow, ...]
    scale: str | None
    """Of what was measured; None without a plan."""

    def to_json(self) -> dict[str, Any]:
        """Returns plain values."""
        return {
            "paper": PAPER,
            "scale": self.scale,
            "claims": [
                {
                    "id": row.claim.id,
                    "table": table_of(row.claim),
                    "section": row.claim.section,
                    "statement": row.claim.statement,
                    "printed": row.printed.model_dump(mode="json"),
                    "measured": {"status": row.measured.status, "reason": row.measured.reason},
                }
                for row in self.rows
            ],
        }


def claims_table(store: FigureResults, plan: ReproductionPlan | None, table: str | None = None) -> ClaimsTable:
    """Returns the supplement's claims with their verdicts.

    Args:
        store: the results.
        plan: what measures the printed values; None: nothing was measured.
        table: a table or figure, e.g. `S3` or `figS3`; None for all.
    """
    values = None if plan is None else MeasuredValues(store, plan)
    wanted = [claim for claim in claims() if claim.paper == PAPER and table in (None, table_of(claim))]
    wanted.sort(key=table_of)
    return ClaimsTable(
        rows=tuple(
            ClaimRow(
                claim=claim,
                printed=verdict(claim),
                measured=NO_PLAN if plan is None or values is None else _measured(claim, store, plan, values),
            )
            for claim in wanted
        ),
        scale=None if plan is None else plan.scale,
    )


def table_of(claim: Claim) -> str:
    """Returns the table or figure that a claim is about, e.g. `S3` or `figS3`."""
    part = claim.id.partition("-")[0]
    return f"figS{part[4:]}" if part.startswith("figs") else part.upper()


def claims_grid(table: ClaimsTable) -> Grid:
    """Returns the table's cells; the reasons are its footnotes."""
    rows, notes = [], []
    for row in table.rows:
        marks = []
        for word, found in (("Printed", row.printed), ("Measured", row.measured)):
            if found.reason:
                notes.append(f"{word}: {found.reason}")
                marks.append(len(notes))
        cells = (table_of(row.claim), row.claim.section, row.claim.statement, row.printed.status, row.measured.status)
        rows.append(Row(cells=cells, marks=tuple(marks)))
    return Grid(
        title="Dynamic MLP, supplement: what the text claims, and whether it follows",
        columns=(
            Column(title="About"),
            Column(title="Section", secondary=True),
            Column(title="Claim", least=40),
            Column(title="On the printed rows"),
            Column(title="On the measured rows"),
        ),
        rows=tuple(rows),
        header=(SMOKE,) if table.scale == "smoke" else (),
        closing=(DECIDED,),
        footnotes=tuple(notes),
    )


def _measured(claim: Claim, store: FigureResults, plan: ReproductionPlan, values: MeasuredValues) -> MeasuredVerdict:
    if claim.id in FIGURE_CLAIMS:
        return FIGURE_CLAIMS[claim.id](store, plan)
    limits = [cell.measurement.ensemble_above for cell in plan.cells if cell.measurement.ensemble_above is not None]
    above = 100 * limits[0] if claim.kind == "above" and limits else None
    return measured_verdict(claim, values, above)
