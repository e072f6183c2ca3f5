"""Ensembles of a plan, made in the driver from stored probabilities."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from fieldmark.tables.reproduction import PlannedCell, ReproductionPlan

if TYPE_CHECKING:
    from fieldmark.store import Store


def record_ensembles(plan: ReproductionPlan, asked: Collection[str], store: "Store") -> list[str]:
    """Records those ensembles among these cells whose members are there; returns what stands against the others."""
    problems = []
    for cell in plan.cells:
        if cell.measurement.ensemble_above is not None and cell.measurement.cell in asked:
            problems += _record(cell, plan, store)
    return problems


def _record(ensemble: PlannedCell, plan: ReproductionPlan, store: "Store") -> list[str]:
    from fieldmark.errors import UserError
    from fieldmark.evaluation.ensemble import record_ensemble

    one, problems = ensemble.measurement, []
    assert one.ensemble_above is not None
    others = [
        cell for cell in plan.cells if cell.measurement.table == one.table and cell.measurement.config is not None
    ]
    for place, run in enumerate(ensemble.runs):
        of_seed = [cell.runs[place] for cell in others]
        if not all(store.has_evaluation(other.tune) and store.has_evaluation(other.test) for other in of_seed):
            problems.append(f"{one.cell}, seed {run.seed}: not all of its candidates are recorded")
            continue
        try:
            record_ensemble(
                store,
                [(other.tune, other.test) for other in of_seed],
                one.ensemble_above,
                run_ids=[other.run_id for other in of_seed],
            )
        except UserError as error:
            problems.append(f"{one.cell}, seed {run.seed}: {error}")
    return problems
