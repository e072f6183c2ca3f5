"""All figures of a sweep of image classifiers."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.figures.image_sweep_reading import ImageSweep, read_image_sweep
from fieldmark.figures.importance import importance, write_importance
from fieldmark.figures.pareto import pareto, write_pareto
from fieldmark.figures.resolution import resolution
from fieldmark.figures.resolution_picture import write_resolution
from fieldmark.figures.sweep_curves import sweep_curves, write_sweep_curves
from fieldmark.figures.tuning_budget_picture import write_tuning_budget

if TYPE_CHECKING:
    from fieldmark.store import Store


def write_sweep_figures(store: "Store", sweep_id: str, folder: Path) -> list[Path]:
    """Draws learning curves, Pareto front, importance, tuning budget, and for sweeps of resolution accuracy by size.

    A figure for which too little is recorded yet is left out.

    Returns:
        The files: PNG, SVG and JSON of each.

    Raises:
        UserError: no such sweep, or none of its figures can be drawn yet.
    """
    found = read_image_sweep(store, sweep_id)
    files: list[Path] = []
    reasons: list[str] = []
    for make in _makers(store, found, folder):
        try:
            files += make()
        except UserError as error:
            reasons.append(str(error))
    if not files:
        raise UserError(reasons[0])
    return files


def _makers(store: "Store", found: ImageSweep, folder: Path) -> list[Callable[[], list[Path]]]:
    makers = [
        lambda: write_sweep_curves(sweep_curves(store, found), folder),
        lambda: write_pareto(pareto(found), folder),
        lambda: write_importance(importance(found), folder),
        lambda: write_tuning_budget(store, found.sweep, folder),
    ]
    if found.space == "resolution":
        makers.append(lambda: write_resolution(resolution(store, found), folder))
    return makers
