"""Learning curves of a sweep: accuracy on tune by epoch, a line a setting."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError
from fieldmark.figures.drawing import COLOURS, Facts, dress, heading, plain, sign, write_figure
from fieldmark.figures.image_sweep_reading import ImageSweep, Trial
from fieldmark.figures.trained_runs import INK

if TYPE_CHECKING:
    from fieldmark.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCurve:
    """One setting's first seed."""

    number: int
    label: str
    family: str
    """Its fusion, or its training size."""
    run_id: str
    state: str
    epochs: tuple[int, ...]
    top1: tuple[float, ...]
    """On tune, fractions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCurves:
    """All settings of a sweep that have a curve."""

    facts: Facts
    sweep: str
    curves: tuple[SweepCurve, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns values that `json.dumps` takes."""
        return asdict(self)


def sweep_curves(store: "Store", sweep: ImageSweep) -> SweepCurves:
    """Returns the curve of each setting's first recorded seed.

    Raises:
        UserError: none is recorded.
    """
    found = [curve for one in sweep.trials if (curve := _curve(store, sweep, one)) is not None]
    if not found:
        raise UserError(f"sweep {sweep.sweep}: the store {store.url} has no accuracy by epoch of it")
    return SweepCurves(facts=sweep.facts("tune"), sweep=sweep.sweep, curves=tuple(found))


def _curve(store: "Store", sweep: ImageSweep, trial: Trial) -> SweepCurve | None:
    table = store.curve(trial.run_ids[0]) if trial.run_ids and trial.role != "confirmation" else None
    if table is None or "top1" not in table.column_names:
        return None
    pairs = zip(table["epoch"].to_pylist(), table["top1"].to_pylist(), strict=True)
    scored = [(int(epoch), float(top1)) for epoch, top1 in pairs if top1 is not None and top1 == top1]
    if not scored:
        return None
    return SweepCurve(
        number=trial.number,
        label=trial.label,
        family=_family(sweep, trial),
        run_id=trial.run_ids[0],
        state=trial.state,
        epochs=tuple(epoch for epoch, _ in scored),
        top1=tuple(top1 for _, top1 in scored),
    )


def _family(sweep: ImageSweep, trial: Trial) -> str:
    if sweep.space != "resolution" or trial.role == "baseline":
        return trial.fusion
    return f"{trial.config['resolution']:>3} px"


def write_sweep_curves(found: SweepCurves, folder: Path, stem: str = "learning-curves") -> list[Path]:
    """Draws the curves, one colour a family; returns PNG, SVG and JSON."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    families = sorted({curve.family for curve in found.curves})
    figure = Figure(figsize=(9, 5.6 + 0.18 * -(-len(families) // 3)), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    dress(axes, "epoch", "top-1 on tune (%)")
    for place, family in enumerate(families):
        curves = [curve for curve in found.curves if curve.family == family]
        best = max(curves, key=lambda curve: curve.top1[-1])
        style = _style(place, families)
        for curve in curves:
            _draw(axes, curve, style, label=_label(family, curves, best) if curve is best else None)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(x=0.02, y=0.06)
    plain(figure.legend(frameon=False, fontsize=8.5, labelcolor=INK, loc="outside lower left", ncols=3, handlelength=4))
    said = (
        f"{len(found.curves)} settings, the first seed of each. Bold: the best of its kind at its end, which is in the "
        "legend. Crosses: stopped early."
    )
    heading(figure, "Learning curves of the sweep", [found.facts.sentence, said])
    return write_figure(figure, found.to_json(), folder, stem)


def _style(place: int, families: list[str]) -> dict[str, Any]:
    """Returns a family's sign; training sizes, which have an order, are coloured from dark to light."""
    style = sign(place) | {"linestyle": "-" if place < len(COLOURS) else "--"}
    if families[place].endswith(" px"):
        from matplotlib import colormaps

        style |= {"color": colormaps["viridis"](0.92 * place / max(1, len(families) - 1)), "linestyle": "-"}
    return style


def _label(family: str, curves: list[SweepCurve], best: SweepCurve) -> str:
    return f"{family.strip()} ({len(curves)}), {100 * best.top1[-1]:.1f}"


def _draw(axes: Any, curve: SweepCurve, style: dict[str, Any], label: str | None) -> None:
    percent = [100 * value for value in curve.top1]
    bold = {"linewidth": 2.0, "alpha": 1.0, "zorder": 3, "markersize": 5} if label else {
        "linewidth": 0.9, "alpha": 0.45, "zorder": 2, "markersize": 3}  # fmt: skip
    axes.plot(curve.epochs, percent, label=label, markevery=max(1, len(percent) // 8), **style, **bold)
    if curve.state == "pruned":
        axes.plot(curve.epochs[-1], percent[-1], "x", color=style["color"], markersize=8, mew=2, zorder=4)
