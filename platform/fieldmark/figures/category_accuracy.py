"""How often each category of the test part was named rightly, by one run or by several side by side."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.figures.category_dots import draw_dots
from fieldmark.figures.category_groups import draw_groups
from fieldmark.figures.category_reading import Accuracies, read_accuracies

if TYPE_CHECKING:
    from fieldmark.store import Store

MOST_NAMED = 132
"""Up to as many categories are drawn one by one, with their names; more are drawn in groups."""


def draw(store: "Store", run_ids: Sequence[str], path: Path) -> None:
    """Draws accuracy by category into a PNG, and writes its figures into a CSV beside it.

    Few categories are named and drawn one by one; many are drawn in groups of equal size. Both stand in the order of
    the first run, which flatters the others at its low end and hurts them at its high end (regression to the mean):
    where several runs are shown and another seed of the first is stored, it is drawn, too, as the control.

    Args:
        store: holds the runs and their predictions.
        run_ids: whole ids, of one data set and protocol.
        path: the picture's file; its name with `.csv` takes the figures.

    Raises:
        UserError: no such run, or one without predictions on test.
    """
    found = read_accuracies(store, run_ids)
    (draw_dots if len(found.names_C) <= MOST_NAMED else draw_groups)(found, path)
    _write(found, path.with_suffix(".csv"))


def _write(found: Accuracies, path: Path) -> None:
    shares = [*found.share_RC]
    names = [run.label for run in found.runs]
    if found.control_C is not None:
        shares.append(found.control_C)
        names.append(f"control, seed {found.control_seed}")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["category", "n", *names])
        for place, name in enumerate(found.names_C):
            writer.writerow([name, found.n_C[place], *(share_C[place] for share_C in shares)])
