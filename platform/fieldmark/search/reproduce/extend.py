"""A plan grows: what an earlier command asked for stays in it."""

from collections.abc import Mapping
from typing import Any

from fieldmark.tables.reproduction import PlannedCell, PlannedRun, ReproductionPlan


def seeds_of(before: Mapping[str, Any] | None) -> dict[str, int]:
    """Returns cell to the number of seeds that a stored plan has for it; nothing without one."""
    if before is None:
        return {}
    return {cell.measurement.cell: len(cell.runs) for cell in ReproductionPlan.model_validate(before).cells}


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
