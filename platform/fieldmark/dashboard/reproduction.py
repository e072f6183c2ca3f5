"""The pages of a reproduction: one a table, one of the figures, and an index over all; opened by a double click."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from fieldmark.config import ScaleName
from fieldmark.dashboard.reproduction_content import TablePage, facts, figure_claims, table_page
from fieldmark.dashboard.reproduction_figures import find_figures
from fieldmark.dashboard.writing import environment, replace_file, resource
from fieldmark.errors import UserError
from fieldmark.tables.reproduction import read_plan

if TYPE_CHECKING:
    from fieldmark.store import Store

TABLES = ("S1", "S2", "S3", "S4", "S5", "S6")
INDEX = "index.html"
FIGURES = "figures.html"


def write_reproduction(store: "Store", folder: Path, scale: ScaleName | None = None) -> Path:
    """Writes a reproduction's pages: every table with its claims, the figures, and an index.

    Nothing is loaded from outside the folder, and the same results give the same files, byte for byte.

    Args:
        store: where the reproduction is recorded.
        folder: the pages lie here; figures are shown that lie in its folder ``figures``.
        scale: of the reproduction; None takes any.

    Returns:
        The index's path.

    Raises:
        UserError: the store has no reproduction of that scale, or a page cannot be written.
    """
    plan = read_plan(store, scale)
    if plan is None:
        asked = f" at scale {scale}" if scale is not None else ""
        raise UserError(f"the store {store.url} has no reproduction{asked}; `fieldmark reproduce all` makes one")
    folder = Path(folder)
    pages = [table_page(store, plan, table) for table in TABLES]
    figures = find_figures(folder)
    links = [(page.file, f"Table {page.table}") for page in pages] + [(FIGURES, "Figures")]
    common: dict[str, Any] = {
        "links": [(INDEX, "All tables"), *links],
        "style": Markup(resource("report.css")),
        "is_smoke": plan.scale == "smoke",
        "scale": pages[0].scale,
        "command": plan.command or "fieldmark reproduce all",
    }
    for page in pages:
        _write(folder / page.file, "reproduction_table.html.j2", page=page, here=page.file, **common)
    claims = figure_claims(store, plan)
    _write(
        folder / FIGURES, "reproduction_figures.html.j2", figures=figures, figure_claims=claims, here=FIGURES, **common
    )
    index = {"pages": pages, "figures": figures, "facts": facts(store, plan), "whole": _whole(pages)}
    _write(folder / INDEX, "reproduction_index.html.j2", here=INDEX, figures_file=FIGURES, **index, **common)
    return folder / INDEX


def _whole(pages: list[TablePage]) -> str:
    complete = [page.table for page in pages if page.complete]
    if len(complete) == len(pages):
        return "All tables are complete."
    return f"{len(complete)} of {len(pages)} tables are complete{': ' if complete else ''}{', '.join(complete)}."


def _write(path: Path, template: str, **values: Any) -> None:
    try:
        replace_file(path, environment().get_template(template).render(**values).encode())
    except OSError as error:
        raise UserError(f"{path}: the page cannot be written ({error.strerror})") from error
