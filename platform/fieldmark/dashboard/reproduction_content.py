"""What stands on the pages of a reproduction."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.dashboard.reproduce import duration, software
from fieldmark.errors import UserError
from fieldmark.tables.claims import claims_grid, claims_table
from fieldmark.tables.compare import comparison_table, published_table
from fieldmark.tables.definitions import definition
from fieldmark.tables.grid import Grid
from fieldmark.tables.model import ComparisonTable
from fieldmark.tables.render import grid
from fieldmark.tables.reproduced import SCALES, reproduced_table
from fieldmark.tables.reproduction import ReproductionPlan

if TYPE_CHECKING:
    from fieldmark.store import Store

FIGURES = ("S1", "S2", "S3", "S4")
FOLDED = ("Parameters", "Multiply-adds", "A run")
"""How columns begin that stand in the folded table only."""
ORDER = ("holds", "does not follow", "undecided")
MANY = {"holds": "hold", "does not follow": "do not follow"}
PRIORSNET_DATA = "iNat2021-mini"


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePage:
    """One table with its claims."""

    table: str
    file: str
    title: str
    scale: str
    complete: bool
    completeness: str
    summary: str
    grid: Grid
    """Without sizes and times, which would push the verdicts off the page."""
    whole: Grid
    claims: Grid | None
    printed: str
    """How many claims have which verdict on the printed rows, in words."""
    measured: str
    """On the measured ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureClaims:
    """What the text claims of a figure."""

    figure: str
    grid: Grid


def table_page(store: "Store", plan: ReproductionPlan, table: str) -> TablePage:
    """Returns a table's page."""
    made = _priorsnet_table(store, plan) if table == "S2" else reproduced_table(store, table, plan.scale)
    whole = _beneath_its_scale(grid(made))
    missing = _unmeasured(made) if made.complete else []
    claims, printed, measured = _claims(store, plan, table)
    return TablePage(
        table=table,
        file=f"{table}.html",
        title=made.title,
        scale=SCALES[plan.scale],
        complete=made.complete and not missing,
        completeness="; ".join([made.completeness, *missing]),
        summary=made.summary or "Nothing is compared yet.",
        grid=_brief(whole),
        whole=whole,
        claims=claims,
        printed=printed,
        measured=measured,
    )


def figure_claims(store: "Store", plan: ReproductionPlan) -> list[FigureClaims]:
    """Returns the claims about each figure, where there are any."""
    found = [(name, _claims(store, plan, f"fig{name}")[0]) for name in FIGURES]
    return [FigureClaims(figure=name, grid=claims) for name, claims in found if claims is not None]


def facts(store: "Store", plan: ReproductionPlan) -> list[tuple[str, str]]:
    """Returns what identifies the reproduction, its data and the software, by name."""
    wanted = {run.run_id for cell in plan.cells for run in (*cell.runs, *cell.image_only)}
    runs = store.run_records(pc.field("run_id").isin(pa.array(wanted, pa.string())))
    seconds = sum(run.cost.seconds for run in runs)
    found = [("Reproduction", plan.plan_id)]
    found += [(name, f"{one.spec}, fingerprint {one.card.fingerprint[:8]}") for name, one in plan.data.items()]
    found.append(("Runs recorded", f"{len(runs):,} of {len(wanted - {''}):,}, {duration(seconds)} of training in all"))
    return [*found, *software(runs)]


def _priorsnet_table(store: "Store", plan: ReproductionPlan) -> ComparisonTable:
    """Returns Table S2 on the reproduction's data; without any, as printed."""
    data = plan.data.get(PRIORSNET_DATA)
    try:
        if plan.priorsnet_sweep:
            return comparison_table(store, "S2", sweep=plan.priorsnet_sweep)
        if data is not None:
            return comparison_table(store, "S2", dataset=data.card.fingerprint, scale=plan.scale)
    except UserError:  # a store that was merged without what belongs to the sweep
        pass
    return published_table(store, definition("S2"))


def _unmeasured(made: ComparisonTable) -> list[str]:
    """Returns what a table that is complete by its sweep lacks beside it: row 11 of S2."""
    rows = [row.row for row in made.rows if row.kind == "published" and row.top1 is None]
    return [f"not measured: row {', '.join(map(str, rows))}"] if rows else []


def _claims(store: "Store", plan: ReproductionPlan, table: str) -> tuple[Grid | None, str, str]:
    """Returns the claims of a table or figure with both verdicts, and the verdicts counted."""
    claims = claims_table(store, plan, table)
    if not claims.rows:
        return None, "", ""
    return (
        claims_grid(claims),
        _counted([row.printed.status for row in claims.rows]),
        _counted([row.measured.status for row in claims.rows]),
    )


def _counted(statuses: list[str]) -> str:
    """Returns e.g. `4 hold, 1 does not follow`."""
    counts = Counter(statuses)
    known = sorted(counts, key=lambda status: (ORDER.index(status) if status in ORDER else len(ORDER), status))
    return ", ".join(f"{counts[one]} {one if counts[one] == 1 else MANY.get(one, one)}" for one in known)


def _beneath_its_scale(whole: Grid) -> Grid:
    """Returns a table without the sentence on its scale, which stands at the head of the page."""
    return replace(whole, header=tuple(line for line in whole.header if line not in SCALES.values()))


def _brief(whole: Grid) -> Grid:
    """Returns a table without the columns of sizes and times."""
    kept = [place for place, column in enumerate(whole.columns) if not column.title.startswith(FOLDED)]
    return replace(
        whole,
        columns=tuple(whole.columns[place] for place in kept),
        rows=tuple(replace(row, cells=tuple(row.cells[place] for place in kept)) for row in whole.rows),
    )
