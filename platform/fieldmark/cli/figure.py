"""`fieldmark figure`: the supplement's figures S1 to S4, and those of sweeps."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from fieldmark.cli.common import STORE, JsonFlag, StoreFlag, open_existing, print_json
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.store import Store

Name = Literal["S1", "S2", "S3", "S4", "budget", "sweep"]


def figure(
    name: Name,
    /,
    *,
    store: StoreFlag = STORE,
    out: Annotated[Path, Parameter(help="Folder that the files are written to.")] = Path("reports/figures"),
    data: Annotated[str | None, Parameter(help="S1: the data set, e.g. world or occurrences:FILE.csv.gz.")] = None,
    land: Annotated[Path | None, Parameter(help="S1: GeoJSON of land to draw records on; real data only.")] = None,
    scale: Annotated[Literal["smoke", "paper"] | None, Parameter(help="S2 to S4: of which reproduction.")] = None,
    sweep: Annotated[str | None, Parameter(help="budget, sweep: the sweep, by the beginning of its id.")] = None,
    json: JsonFlag = False,
) -> None:
    """Draw a figure of the paper's supplement or of a sweep: PNG, SVG and the numbers beside.

    S1: where a data set's records are. S2: GeoNet by epoch. S3: activation maps. S4: accuracy by category.
    budget: accuracy against tuning budget, by fusion or sampler. sweep: all figures of a sweep of image classifiers.

    Args:
        name: S1 to S4, budget or sweep.
    """
    _check(name, data, land, sweep)
    files = _write(name, store, out, data, land, scale, sweep)
    if json:
        print_json({"figure": name, "files": [str(path) for path in files]})
        return
    for path in files:
        print(path)


def _check(name: Name, data: str | None, land: Path | None, sweep: str | None) -> None:
    """Refuses flags that another figure takes, and asks for those that this one needs."""
    if name == "S1" and data is None:
        raise UserError("figure S1: --data SPEC is needed, e.g. --data world")
    if name in ("budget", "sweep") and sweep is None:
        raise UserError(f"figure {name}: --sweep ID is needed; `fieldmark runs` shows which there are")
    for flag, value, takers in (
        ("--data", data, ("S1",)),
        ("--land", land, ("S1",)),
        ("--sweep", sweep, ("budget", "sweep")),
    ):
        if value is not None and name not in takers:
            raise UserError(f"{flag}: is for figure {' or '.join(takers)}, not for {name}")


def _write(
    name: Name,
    url: str,
    out: Path,
    data: str | None,
    land: Path | None,
    scale: Literal["smoke", "paper"] | None,
    sweep: str | None,
) -> Sequence[Path]:
    if name == "S1":
        from fieldmark.figures.paper_figures import write_distribution

        assert data is not None
        return write_distribution(data, out, land=land)
    store = open_existing(url)
    if name in ("budget", "sweep"):
        return _write_sweep(store, name, _whole(store, sweep or ""), out)
    from fieldmark.evaluation.paper_figures import write_paper_figure
    from fieldmark.figures.paper_figures import make
    from fieldmark.tables.reproduction import read_plan

    plan = read_plan(store, scale)
    if plan is None:
        at = f" at scale {scale}" if scale else ""
        command = make(f"fig{name}", None).replace("smoke", scale or "smoke")
        raise UserError(f"figure {name}: the store {url} has no reproduction{at}; to make one: {command} --store {url}")
    return write_paper_figure(name, store, out, plan=plan)


def _write_sweep(store: "Store", name: Name, sweep: str, out: Path) -> Sequence[Path]:
    from fieldmark.figures.image_sweep import write_sweep_figures
    from fieldmark.figures.image_sweep_reading import KIND
    from fieldmark.figures.tuning_budget_picture import write_tuning_budget

    if name == "sweep":
        return write_sweep_figures(store, sweep, out)
    images = (store.plan(sweep) or {}).get("kind") == KIND
    return write_tuning_budget(store, sweep, out, "fusion" if images else "sampler")


def _whole(store: "Store", start: str) -> str:
    """Returns the id of the one sweep that begins so."""
    found = [sweep for sweep in store.sweeps() if sweep.startswith(start)]
    if len(found) != 1:
        raise UserError(f"--sweep {start}: {len(found)} sweeps of the store {store.url} begin so; expected one")
    return found[0]
