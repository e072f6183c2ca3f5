"""How much of what was asked for is measured."""

from typing import TYPE_CHECKING

from fieldmark.search.reproduce.selection import Selection
from fieldmark.tables.reproduction import ReproductionPlan

if TYPE_CHECKING:
    from fieldmark.store import Store


def count_cells(plan: ReproductionPlan, selection: Selection, store: "Store") -> tuple[int, int]:
    """Returns how many values have all their seeds, and how many were asked for; without S2's PriorsNet rows."""
    known = {cell.measurement.cell: cell for cell in plan.cells}
    asked = [known.get(one.cell) for one in selection.asked]
    return sum(cell is not None and all(store.has_evaluation(run.test) for run in cell.runs) for cell in asked), len(
        asked
    )
