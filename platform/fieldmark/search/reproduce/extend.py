"""A plan grows: what an earlier command asked for stays in it."""

from collections.abc import Mapping
from typing import Any

from fieldmark.tables.reproduction import PlannedCell, PlannedRun, ReproductionPlan


def extended(plan: ReproductionPlan, before: Mapping[str, Any] | None) -> ReproductionPlan:
    """Returns a plan with the seeds that an earlier plan of the same reproduction has beyond it.

    A cell whose measurement has changed since, e.g. by a new release, begins anew.

    Args:
        plan: the new one.
        before: the newest stored one, as JSON.
    """
    if before is None:
        return plan
    old = ReproductionPlan.model_validate(before)
    known = {cell.measurement.cell: cell for cell in old.cells}
    cells = tuple(_extended(cell, known.get(cell.measurement.cell)) for cell in plan.cells)
    return plan.model_copy(update={"cells": cells, "priorsnet_sweep": plan.priorsnet_sweep or old.priorsnet_sweep})


def _extended(cell: PlannedCell, old: PlannedCell | None) -> PlannedCell:
    if old is None or old.measurement.config != cell.measurement.config or old.runs[: len(cell.runs)] != cell.runs:
        return cell
    return cell.model_copy(update={"runs": old.runs, "image_only": _longer(old.image_only, cell.image_only)})


def _longer(one: tuple[PlannedRun, ...], other: tuple[PlannedRun, ...]) -> tuple[PlannedRun, ...]:
    return max(one, other, key=len)
