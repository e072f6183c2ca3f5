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
    GREY,
    INK,
    TrainedRun,
    bare,
    bounds,
    read_runs,
    save,
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
STRIP = (1.03, 1.1)
"""Where what is measured on test stands: right of the last epoch, in lengths of the training."""


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
    _draw_loss(lower, curves)
    _draw_accuracy(upper, curves, reached)
    shown = runs[0]
    setting = f"{shown.config.backbone}, {shown.config.resolution} px, {shown.record.spec.protocol}"
    title(
        upper,
        f"Training on {shown.record.spec.dataset}",
        f"{setting}\nCurves: top-1 on tune. Shaded strip: top-1 on test, which is of other records than tune.",
    )
    save(figure, path)
    _write(curves, reached, path.with_suffix(".csv"))


def _draw_accuracy(axes: Any, curves: "Sequence[tuple[TrainedRun, pa.Table]]", reached: dict[str, float]) -> None:
    ends = [label for run, curve in curves for label in _draw_tune(axes, run, curve, _marker(curves))]
    if reached or any(run.test_top1 is not None for run, _ in curves):
        ends += _draw_test(axes, [run for run, _ in curves], reached, _epochs(curves))
    bare(axes)
    axes.grid(axis="y", color="#dfe4ea", linewidth=0.7)
    axes.set_ylabel("top-1 (%)", fontsize=9, color=INK)
    axes.margins(y=0.06)
    _label_ends(axes, ends)


def _draw_tune(axes: Any, run: TrainedRun, curve: "pa.Table", marker: str | None) -> list[_Label]:
    """Draws a run's curve; returns the label of its end."""
    pairs = zip(_column(curve, "epoch"), _column(curve, "top1"), strict=False)
    scored = [(epoch, 100 * value) for epoch, value in pairs if not math.isnan(value)]
    if not scored:
        return []
    axes.plot(*zip(*scored, strict=True), color=run.colour, linewidth=1.8, marker=marker, markersize=3.5)
    return [_Label(scored[-1][1], f"{run.label}, tune  {scored[-1][1]:.1f}", run.colour, bold=True)]


def _draw_test(
    axes: Any, runs: Sequence[TrainedRun], reached: dict[str, float], epochs: tuple[float, float]
) -> list[_Label]:
    """Draws what is measured on test into a strip of its own; returns its labels."""
    left, right = (epochs[0] + share * (epochs[1] - epochs[0]) for share in STRIP)
    axes.axvspan(left, right, color="#eef1f5", linewidth=0, zorder=0)
    axes.annotate(
        "test", ((left + right) / 2, 1), (0, 3), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
        fontsize=8, color=GREY, ha="center",
    )  # fmt: skip
    ends = []
    for place, run in enumerate(runs, 1):
        if run.test_top1 is not None:
            value = 100 * run.test_top1
            # Side by side, so that equal ones are both seen.
            x = left + (right - left) * place / (len(runs) + 1)
            axes.plot(x, value, "D", color=run.colour, markersize=5.5, mec="white", mew=0.6, zorder=4)
            ends.append(_Label(value, f"{run.label}, test  {value:.1f}", run.colour))
    for name, bound in reached.items():
        axes.plot((left, right), (100 * bound, 100 * bound), color=BOUND_COLOUR, linewidth=2, zorder=3)
        ends.append(_Label(100 * bound, f"Bayes bound on test, {name}  {100 * bound:.1f}", BOUND_COLOUR))
    return ends


def _epochs(curves: "Sequence[tuple[TrainedRun, pa.Table]]") -> tuple[float, float]:
    """Returns the first and last epoch; half an epoch to either side where there is but one."""
    found = [epoch for _, curve in curves for epoch in _column(curve, "epoch")]
    first, last = min(found), max(found)
    return (first, last) if last > first else (first - 0.5, last + 0.5)


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
    first, last = _epochs(curves)
    ticks = MaxNLocator(integer=True, min_n_ticks=1).tick_values(first, last)
    # The strip of the test figures is no epoch.
    axes.set_xticks([int(tick) for tick in ticks if first <= tick <= last and tick == int(tick)])
    margin = 0.02 * (last - first)
    axes.set_xlim(first - margin, first + STRIP[1] * (last - first))
    axes.margins(y=0.1)


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
