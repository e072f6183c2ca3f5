"""How trainings went: accuracy on tune and loss by epoch, beside what came out on test and what can be reached."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError
from fieldmark.figures.trained_runs import (
    BOUND_COLOUR,
    DPI,
    INK,
    TrainedRun,
    bare,
    bounds,
    read_runs,
    spread,
    title,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from fieldmark.store import Store

PANEL_INCHES = 3.2
LABEL_POINTS = 8.5
FEW_EPOCHS = 40
"""Up to as many, every epoch has a dot."""


@dataclass(frozen=True, slots=True)
class _Label:
    """A text at the right end of a line."""

    y: float
    text: str
    colour: str
    bold: bool = False


def draw(store: "Store", run_ids: Sequence[str], path: Path) -> None:
    """Draws the curves of one or more runs into a PNG, and writes what they are made of into a CSV beside it.

    Args:
        store: holds the runs.
        run_ids: whole ids, of one data set and protocol.
        path: the picture's file; its name with `.csv` takes the figures.

    Raises:
        UserError: no such run, or none with a curve.
    """
    from matplotlib.figure import Figure

    runs = read_runs(store, run_ids)
    curves = [(run, curve) for run in runs if (curve := store.curve(run.record.run_id)) is not None]
    if not curves:
        raise UserError(f"{', '.join(run_ids)}: the store {store.url} has no curve of it")
    reached = bounds(store, [run for run, _ in curves])
    figure = Figure(figsize=(9, 6), layout="constrained", facecolor="white")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    _draw_accuracy(upper, curves, reached)
    _draw_loss(lower, curves)
    shown = runs[0]
    setting = f"{shown.config.backbone}, {shown.config.resolution} px, {shown.record.spec.protocol}"
    title(
        upper,
        f"Training on {shown.record.spec.dataset}",
        f"top-1 on tune by epoch; dashed, and the bound: on test; {setting}",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    _write(curves, reached, path.with_suffix(".csv"))


def _draw_accuracy(axes: Any, curves: "Sequence[tuple[TrainedRun, pa.Table]]", reached: dict[str, float]) -> None:
    ends: list[_Label] = []
    for run, curve in curves:
        pairs = zip(_column(curve, "epoch"), _column(curve, "top1"), strict=False)
        scored = [(epoch, 100 * value) for epoch, value in pairs if not math.isnan(value)]
        if scored:
            axes.plot(
                *zip(*scored, strict=True), color=run.colour, linewidth=1.8, marker=_marker(curves), markersize=3.5
            )
            ends.append(_Label(scored[-1][1], f"{run.label}  {scored[-1][1]:.1f}", run.colour, bold=True))
        if run.test_top1 is not None:
            axes.axhline(100 * run.test_top1, color=run.colour, linewidth=1, linestyle=(0, (5, 3)), alpha=0.7)
            ends.append(_Label(100 * run.test_top1, f"on test  {100 * run.test_top1:.1f}", run.colour))
    for name, value in reached.items():
        axes.axhline(100 * value, color=BOUND_COLOUR, linewidth=1.2)
        ends.append(_Label(100 * value, f"Bayes bound, {name}  {100 * value:.1f}", BOUND_COLOUR))
    bare(axes)
    axes.grid(axis="y", color="#dfe4ea", linewidth=0.7)
    axes.set_ylabel("top-1 (%)", fontsize=9, color=INK)
    axes.margins(x=0.01, y=0.06)
    _label_ends(axes, ends)


def _label_ends(axes: Any, ends: Sequence[_Label]) -> None:
    low, high = axes.get_ylim()
    places = spread([end.y for end in ends], (high - low) * LABEL_POINTS * 1.35 / 72 / PANEL_INCHES)
    for end, place in zip(ends, places, strict=True):
        axes.annotate(
            end.text,
            (1, end.y),
            (1.025, place),
            xycoords=axes.get_yaxis_transform(),
            textcoords=axes.get_yaxis_transform(),
            color=end.colour,
            fontsize=LABEL_POINTS,
            fontweight="bold" if end.bold else "normal",
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": end.colour, "linewidth": 0.7, "relpos": (0, 0.5)},
        ).set_parse_math(False)


def _draw_loss(axes: Any, curves: "Sequence[tuple[TrainedRun, pa.Table]]") -> None:
    from matplotlib.ticker import MaxNLocator

    for run, curve in curves:
        style = {"color": run.colour, "linewidth": 1.5, "marker": _marker(curves), "markersize": 3}
        axes.plot(_column(curve, "epoch"), _column(curve, "loss"), **style)
    bare(axes)
    axes.grid(axis="y", color="#dfe4ea", linewidth=0.7)
    axes.set_ylabel("training loss", fontsize=9, color=INK)
    axes.set_xlabel("epoch", fontsize=9, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(x=0.01, y=0.1)


def _marker(curves: "Sequence[tuple[TrainedRun, pa.Table]]") -> str | None:
    return "o" if max(len(curve) for _, curve in curves) <= FEW_EPOCHS else None


def _column(curve: "pa.Table", name: str) -> list[Any]:
    """Returns a column, NaN where an epoch has no value; nothing where there is no such column."""
    if name not in curve.column_names:
        return []
    return [float("nan") if value is None else value for value in curve[name].to_pylist()]


def _write(curves: "Sequence[tuple[TrainedRun, pa.Table]]", reached: dict[str, float], path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["run_id", "label", "epoch", "loss", "tune_top1", "test_top1", *(f"bound {name}" for name in reached)]
        )
        for run, curve in curves:
            accuracy = _column(curve, "top1") or [""] * len(curve)
            for epoch, loss, top1 in zip(_column(curve, "epoch"), _column(curve, "loss"), accuracy, strict=True):
                row = [run.record.run_id, run.label, epoch, loss, top1, run.test_top1]
                writer.writerow([*row, *reached.values()])
