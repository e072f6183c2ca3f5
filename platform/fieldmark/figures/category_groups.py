"""Accuracy by category where there are many: groups of equal size in the order of the first run."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.figures.category_head import HEAD_INCHES, draw_head
from fieldmark.figures.category_reading import Accuracies
from fieldmark.figures.trained_runs import GREY, INK, bare, save

GROUPS = 20
BODY_INCHES = 4.2


def draw_groups(found: Accuracies, path: Path) -> None:
    """Draws the mean accuracy of each group by each run, and the middle half of its categories as a band."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, HEAD_INCHES + BODY_INCHES), layout="constrained", facecolor="white")
    head, axes = figure.subplots(2, 1, height_ratios=(HEAD_INCHES, BODY_INCHES))
    draw_head(head, found)
    groups = np.array_split(np.arange(len(found.n_C)), GROUPS)
    middle = [(place + 0.5) * 100 / GROUPS for place in range(GROUPS)]
    for run, share_C in zip(found.runs, found.share_RC, strict=True):
        low, high = (np.array([100 * np.quantile(share_C[group], q) for group in groups]) for q in (0.25, 0.75))
        axes.fill_between(middle, low, high, color=run.colour, alpha=0.12, linewidth=0)
        axes.plot(middle, _means(share_C, groups), "o-", color=run.colour, linewidth=1.6, markersize=4, zorder=3)
    if found.control_C is not None:
        style = {"mfc": "white", "mec": GREY, "markersize": 4, "linewidth": 1.2}
        axes.plot(middle, _means(found.control_C, groups), "o--", color=GREY, **style, zorder=2)
    _dress(axes, found, groups)
    save(figure, path)


def _means(share_C: NDArray[np.float64], groups: list[NDArray[np.int64]]) -> list[float]:
    return [100 * float(share_C[group].mean()) for group in groups]


def _dress(axes: Any, found: Accuracies, groups: list[NDArray[np.int64]]) -> None:
    bare(axes)
    axes.grid(axis="y", color="#dfe4ea", linewidth=0.7)
    axes.set(xlim=(0, 100), ylim=(-2, 102))
    axes.set_ylabel("accuracy on test (%)", fontsize=9, color=INK)
    sizes = sorted({len(group) for group in groups})
    each = " or ".join(map(str, sizes))
    pictures = [int(found.n_C[group].sum()) for group in groups]
    axes.set_xlabel(
        f"categories, worst first (%); in groups of {each}, of {min(pictures):,} to {max(pictures):,} test pictures; "
        "band: the middle half of a group",
        fontsize=9,
        color=INK,
    )
