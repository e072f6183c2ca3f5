"""How much of what was asked for is measured."""

from typing import TYPE_CHECKING

from fieldmark.search.reproduce.selection import Selection
from fieldmark.tables.reproduction import ReproductionPlan

if TYPE_CHECKING:
    from fieldmark.store import Store


def count_cells(plan: ReproductionPlan, selection: Selection, store: "Store") -> tuple[int, int]:
    """Returns how many values have all their seeds, and how many are asked for; S2's PriorsNet rows are among them."""
    known = {cell.measurement.cell: cell for cell in plan.cells}
    asked = [known.get(one.cell) for one in selection.asked]
    measured = sum(cell is not None and all(store.has_evaluation(run.test) for run in cell.runs) for cell in asked)
    return measured + _priors(plan, selection, store), len(asked) + len(selection.priors_rows)


def _priors(plan: ReproductionPlan, selection: Selection, store: "Store") -> int:
    if not selection.priorsnet or not plan.priorsnet_sweep:
        return 0
    from fieldmark.tables.compare import comparison_table

    rows = comparison_table(store, "S2", sweep=plan.priorsnet_sweep).rows
    return sum(row.row in selection.priors_rows and row.top1 is not None for row in rows)
