"""The supplement's figures S1 to S4, each by its name."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.figures import paper_figures
from fieldmark.tables.figure_claims import pointing_game_key
from fieldmark.tables.reproduction import ReproductionPlan

if TYPE_CHECKING:
    from fieldmark.store import Store

FIGURES = ("S1", "S2", "S3", "S4")


def write_paper_figure(name: str, store: "Store", folder: Path, *, plan: ReproductionPlan) -> list[Path]:
    """Draws a figure of a reproduction as PNG and SVG, with its numbers beside.

    Figure S3's pointing game goes to the store as well, where the claim about the maps is judged by it.

    Args:
        name: `S1` to `S4`.
        store: holds what the plan names.
        folder: where the files go; made where it is missing.
        plan: the reproduction; of S1 every data set is drawn, opened one after the other.

    Returns:
        The files.

    Raises:
        UserError: no such figure, or something that it needs is not recorded; names the command that makes it.
    """
    if name == "S1":
        return paper_figures.write_distributions(plan, folder)
    if name == "S2":
        return paper_figures.write_epochs(store, plan, folder)
    if name == "S4":
        return paper_figures.write_categories(store, plan, folder)
    if name != "S3":
        raise UserError(f"figure {name}: expected {', '.join(FIGURES)}")
    return _write_maps(store, folder, plan)


def _write_maps(store: "Store", folder: Path, plan: ReproductionPlan) -> list[Path]:
    from fieldmark.evaluation.map_figure import write_map_figure

    files = write_map_figure(store, paper_figures.planned_runs(store, plan, "figS3"), folder)
    (numbers,) = (path for path in files if path.suffix == ".json")
    game = {"pointing_game": json.loads(numbers.read_text())["pointing_game"]}
    key, text = pointing_game_key(plan), json.dumps(game, indent=1).encode()
    if store.get(key) != text:
        store.put(key, text)
    return files
