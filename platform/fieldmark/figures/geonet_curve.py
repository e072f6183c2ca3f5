"""Figure S2 of Yang et al. (2022): GeoNet's accuracy by epoch, from the image-only model's accuracy on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError
from fieldmark.figures.drawing import SMALL, Facts, dress, heading, plain, sign, write_figure
from fieldmark.figures.run_evaluations import facts, needed_evaluation
from fieldmark.figures.trained_runs import GREY, INK

if TYPE_CHECKING:
    from fieldmark.store import Store

BEST_BEFORE, PAPER_EPOCHS = 60, 90
"""The paper trains so many epochs and finds the best before the 60th (supplement D)."""
FEW_EPOCHS = 40
"""Up to as many, every epoch has a sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoNetLine:
    """One training."""

    label: str
    dataset: str
    run_id: str
    image_only_run_id: str
    epochs: tuple[int, ...]
    """From 0, the image-only model, on."""
    top1: tuple[float, ...]
    """On tune, fractions; the first is the image-only model's recorded evaluation."""
    trained: int
    """Epochs of the training."""

    @property
    def best(self) -> int:
        """Position of the first of the highest accuracies."""
        return self.top1.index(max(self.top1))


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoNetCurve:
    """Trainings on several data sets."""

    facts: Facts
    lines: tuple[GeoNetLine, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns values that `json.dumps` takes."""
        lines = [
            {**asdict(line), "best_epoch": line.epochs[line.best], "best": line.top1[line.best]} for line in self.lines
        ]
        return {"figure": "S2", **asdict(self.facts), "lines": lines}


def geonet_curve(store: "Store", runs: Mapping[str, tuple[str, str]]) -> GeoNetCurve:
    """Returns each training's accuracy on tune by epoch.

    Args:
        store: holds runs, curves and evaluations.
        runs: label to the GeoNet run and the image-only run that it starts from.

    Raises:
        UserError: a run, its curve or its image-only model's evaluation on tune is not recorded.
    """
    if not runs:
        raise UserError("figure S2: no GeoNet run is named")
    start = {label: needed_evaluation(store, alone, "tune") for label, (_, alone) in runs.items()}
    lines = [
        _line(store, label, run_id, alone, start[label].metrics["top1"]) for label, (run_id, alone) in runs.items()
    ]
    ends = [needed_evaluation(store, run_id, "tune") for run_id, _ in runs.values()]
    return GeoNetCurve(facts=facts([*start.values(), *ends]), lines=tuple(lines))


def _line(store: "Store", label: str, run_id: str, image_only: str, start: float) -> GeoNetLine:
    record, curve = store.run(run_id), store.curve(run_id)
    if curve is None or "top1" not in curve.column_names:
        raise UserError(f"run {run_id}: the store {store.url} has no accuracy by epoch of it")
    pairs = zip(curve["epoch"].to_pylist(), curve["top1"].to_pylist(), strict=True)
    scored = [(int(epoch), float(top1)) for epoch, top1 in pairs if top1 is not None and top1 == top1 and epoch > 0]
    return GeoNetLine(
        label=label,
        dataset=record.spec.dataset,
        run_id=run_id,
        image_only_run_id=image_only,
        epochs=(0, *(epoch for epoch, _ in scored)),
        top1=(start, *(top1 for _, top1 in scored)),
        trained=record.epochs,
    )


def write_geonet_curve(found: GeoNetCurve, folder: Path, stem: str = "figS2") -> list[Path]:
    """Draws the curves; returns PNG, SVG and JSON."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.6), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    dress(axes, "epoch (0: the image-only model that GeoNet starts from)", "top-1 on tune (%)")
    for place, line in enumerate(found.lines):
        _draw(axes, place, line)
    _mark_epochs(axes, found)
    axes.margins(x=0.02, y=0.08)
    _whole_epochs(axes, max(line.epochs[-1] for line in found.lines))
    plain(figure.legend(frameon=False, fontsize=9, labelcolor=INK, loc="outside lower left"))
    heading(figure, f"GeoNet's accuracy by epoch on {_names(found)}", [found.facts.sentence, _said(found)])
    return write_figure(figure, found.to_json(), folder, stem)


def _draw(axes: Any, place: int, line: GeoNetLine) -> None:
    percent = [100 * value for value in line.top1]
    style = sign(place)
    shown = {} if len(percent) <= FEW_EPOCHS else {"markevery": max(1, len(percent) // 15)}
    best = f"best {percent[line.best]:.1f} at epoch {line.epochs[line.best]}"
    label = f"{line.label}: {percent[0]:.1f} to {percent[-1]:.1f}, {best}"
    axes.plot(line.epochs, percent, linewidth=1.7, markersize=4.5, label=label, **style, **shown)
    ring = {"marker": "o", "markersize": 12, "mfc": "none", "mew": 1.8}
    axes.plot(line.epochs[line.best], percent[line.best], color=style["color"], **ring, zorder=5)
    axes.plot(0, percent[0], color=style["color"], marker=style["marker"], markersize=7, mec="white", zorder=6)


def _mark_epochs(axes: Any, found: GeoNetCurve) -> None:
    for epochs in sorted({line.trained for line in found.lines if line.trained}):
        place = epochs * BEST_BEFORE / PAPER_EPOCHS
        axes.axvline(place, color=GREY, linestyle=":", linewidth=1.4, zorder=0)
        text = f"{place:g} of {epochs} epochs, as the paper's {BEST_BEFORE} of {PAPER_EPOCHS}"
        axes.annotate(
            text if epochs != PAPER_EPOCHS else f"{BEST_BEFORE} of {PAPER_EPOCHS} epochs", (place, 1), (0, 3),
            xycoords=axes.get_xaxis_transform(), textcoords="offset points", ha="center", fontsize=8, color=SMALL,
        )  # fmt: skip


def _whole_epochs(axes: Any, last: int) -> None:
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(integer=True, min_n_ticks=1).tick_values(0, max(last, 1))
    axes.set_xticks([int(tick) for tick in ticks if 0 <= tick <= max(last, 1) and tick == int(tick)])


def _names(found: GeoNetCurve) -> str:
    return ", ".join(dict.fromkeys(line.dataset for line in found.lines))


def _said(found: GeoNetCurve) -> str:
    early = sum(line.epochs[line.best] <= line.trained * BEST_BEFORE / PAPER_EPOCHS for line in found.lines)
    return (
        f"Rings: the best epoch, which tune alone chooses. {early} of {len(found.lines)} have it in the first two "
        "thirds of their epochs, where the paper finds it."
    )
