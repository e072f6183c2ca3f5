"""The supplement's figures S1, S2 and S4 from a reproduction's plan (S3 needs models: `fieldmark.evaluation`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.errors import UserError
from fieldmark.tables.reproduction import ReproductionPlan

if TYPE_CHECKING:
    from fieldmark.store import Store

BASELINE = "image-only"
CONTROL = "image-only, "
"""Begins the label of another seed of the baseline."""
STARTS_FROM = " image only"
"""Ends the label of the image-only model that a figure's run starts from."""
PRIORSNET = "PriorsNet"
WORLD = "world"


def write_distribution(
    spec: str,
    folder: Path,
    *,
    protocol: str | None = None,
    land: Path | None = None,
    stem: str = "figS1",
    stands_for: str = "",
) -> list[Path]:
    """Draws Figure S1 of one data set; returns PNG, SVG and JSON.

    Args:
        spec: the data set, as typed after --data.
        folder: where the files go.
        protocol: split protocol; None: the data set's default.
        land: a GeoJSON file of land polygons; None: the installed land mask, if any. The world has no land.
        stem: name of the files.
        stands_for: published data set in whose place it is shown.

    Raises:
        UserError: the data set or the outlines cannot be read, or no record has a place.
    """
    from fieldmark.data.open import open_dataset
    from fieldmark.figures.heat_map import heat_map
    from fieldmark.figures.heat_map_picture import write_heat_map
    from fieldmark.figures.land import find_land

    found = heat_map(open_dataset(spec, protocol=protocol))
    if spec.partition(":")[0] == WORLD:
        return write_heat_map(found, (), "The world is a planet without land.", folder, stem, stands_for)
    outlines = find_land(land, found.extent)
    source = f"file {land.name}" if land is not None else "package global-land-mask"
    note = f"Land: {source}." if outlines else "No land is drawn: neither --land nor package global-land-mask."
    return write_heat_map(found, outlines, note, folder, stem, stands_for)


def write_distributions(plan: ReproductionPlan, folder: Path) -> list[Path]:
    """Draws Figure S1 of every data set of a reproduction; returns the files.

    Raises:
        UserError: as `write_distribution`.
    """
    named: dict[str, list[str]] = {}
    for published, choice in plan.data.items():
        named.setdefault(choice.spec, []).append(published)
    files: list[Path] = []
    for spec, names in named.items():
        choice = plan.data[names[0]]
        stands_for = " and ".join(names) if choice.stands_in else ""
        protocol = choice.card.protocol
        stem = f"figS1-{names[0]}"
        files += write_distribution(spec, folder, protocol=protocol, stem=stem, stands_for=stands_for)
    return files


def write_epochs(store: "Store", plan: ReproductionPlan, folder: Path) -> list[Path]:
    """Draws Figure S2 of a reproduction; returns PNG, SVG and JSON.

    Raises:
        UserError: a run that it needs is not recorded; names the command that makes it.
    """
    from fieldmark.figures.geonet_curve import geonet_curve, write_geonet_curve

    runs = planned_runs(store, plan, "figS2")
    pairs = {
        label: (run_id, runs[label + STARTS_FROM]) for label, run_id in runs.items() if label + STARTS_FROM in runs
    }
    return write_geonet_curve(geonet_curve(store, pairs), folder)


def write_categories(store: "Store", plan: ReproductionPlan, folder: Path) -> list[Path]:
    """Draws Figure S4 of a reproduction; returns PNG, SVG and JSON.

    Raises:
        UserError: as `write_epochs`.
    """
    from fieldmark.figures.category_curves import category_curves
    from fieldmark.figures.category_curves_picture import write_category_curves
    from fieldmark.figures.run_evaluations import needed_evaluation

    runs = {
        label: run_id for label, run_id in planned_runs(store, plan, "figS4").items() if not label.endswith(STARTS_FROM)
    }
    found = {label: needed_evaluation(store, run_id, "test").evaluation_id for label, run_id in runs.items()}
    prior = _best_prior(store, plan.priorsnet_sweep)
    if prior is not None:
        found[PRIORSNET] = prior
    control = next((label for label in found if label.startswith(CONTROL)), None)
    missing = () if prior is not None else (PRIORSNET,)
    curves = category_curves(store, found, baseline=BASELINE, control=control, missing=missing)
    return write_category_curves(curves, folder)


def planned_runs(store: "Store", plan: ReproductionPlan, figure: str) -> Mapping[str, str]:
    """Returns label to run id of a figure, all of them recorded.

    Raises:
        UserError: one is not, or none is planned; names the command that makes them.
    """
    runs = plan.figures.get(figure, {})
    missing = [label for label, run_id in runs.items() if not store.has_run(run_id)]
    if missing or not runs:
        what = f"runs of {', '.join(missing)} are missing" if missing else "no run is planned for it with these data"
        raise UserError(f"figure {figure.removeprefix('fig')}: {what}; to make them: {make(figure, plan)}")
    return runs


def make(figure: str, plan: ReproductionPlan | None) -> str:
    """Returns the command that makes what a figure is drawn from."""
    return f"fieldmark reproduce {figure} --scale {plan.scale if plan is not None else 'smoke'}"


def _best_prior(store: "Store", sweep: str) -> str | None:
    """Returns the test evaluation of the PriorsNet setting that tune chooses in a sweep, or None."""
    from fieldmark.figures.sweep import read_sweep
    from fieldmark.figures.sweep_members import evaluations_of

    scores = read_sweep(store, sweep) if sweep else None
    if scores is None or scores.best is None or scores.score != "product_raw":
        return None
    columns = ("evaluation_id", "run_id", "method", "config_id", "config", "seed", "role", "split", "score")
    rows = [
        row
        for row in evaluations_of(store, sweep, store.plan(sweep) or {}, columns)
        if (row["config_id"], row["split"], row["score"]) == (scores.best.config_id, "test", scores.score)
    ]
    return str(min(rows, key=lambda row: row["seed"])["evaluation_id"]) if rows else None
