"""The picture of an imported training log: accuracy and learning rate by epoch, gaps marked."""

import os
from typing import Any

from fieldmark.training.logged_run import Gap, LoggedRun

_INK, _MUTED, _RULE = "#22303c", "#5d6b78", "#d5dbe1"
_TOP1, _TOP5, _RATE, _GAP = "#1f6f8b", "#8fb8c8", "#b0613a", "#a23b3b"
_RATES_DRAWN = 2_000
"""Steps whose rate is drawn, at most: more than a picture has columns."""


def draw_official_log(log: LoggedRun, path: str | os.PathLike[str]) -> None:
    """Writes a picture of a log: top-1 and top-5 of the validations above, the learning rate below.

    The horizontal axis counts epochs trained: the log's epoch 0 ends at 1.

    Args:
        log: as read by `read_official_log`.
        path: where to write; its ending chooses the format (png, svg, pdf).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.2, 6.4), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    scores, rates = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.3))
    _draw_scores(scores, log)
    _draw_rates(rates, log)
    for axes in (scores, rates):
        _dress(axes)
        for gap in log.gaps:
            axes.axvline(_place(log, gap), color=_GAP, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    _name_gaps(scores, log)
    rates.set_xlabel("epochs trained", color=_INK)
    rates.set_xlim(0, log.epochs)
    figure.savefig(path, dpi=150)


def _draw_scores(axes: Any, log: LoggedRun) -> None:
    ends = [one.epoch + 1 for one in log.validations]
    for name, colour, values in (
        ("top-5", _TOP5, [100 * one.top5 for one in log.validations]),
        ("top-1", _TOP1, [100 * one.top1 for one in log.validations]),
    ):
        axes.plot(ends, values, color=colour, linewidth=2, marker="o", markersize=2.5, clip_on=False)
        axes.annotate(
            f"{name} {values[-1]:.1f}", (ends[-1], values[-1]), (-6, 8), textcoords="offset points", ha="right",
            color=colour, fontweight="bold", fontsize=10,
        )  # fmt: skip
    axes.set_ylim(0, 100)
    axes.set_ylabel("validation accuracy, %", color=_INK)
    axes.set_title(log.name, loc="left", pad=24, fontsize=12, fontweight="bold", color=_INK, parse_math=False)
    hours = f"{log.running_seconds / 3600:.1f} hours running, {log.clock_seconds / 3600:.1f} on the clock"
    line = f"imported, not measured here; best {100 * log.best.top1:.3f} % after {log.best.epoch + 1} epochs; {hours}"
    axes.annotate(line, (0, 1), (0, 8), xycoords="axes fraction", textcoords="offset points", fontsize=10, color=_INK)


def _draw_rates(axes: Any, log: LoggedRun) -> None:
    every = max(1, len(log.train) // _RATES_DRAWN)
    steps = log.train[::every]
    axes.plot([one.epoch + one.step / log.steps for one in steps], [one.lr for one in steps], color=_RATE, linewidth=2)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("learning rate", color=_INK)


def _name_gaps(axes: Any, log: LoggedRun) -> None:
    for level, gap in enumerate(log.gaps):
        axes.annotate(
            f"{_length(gap.seconds)} gap", (_place(log, gap), 97 - 6 * (level % 4)), (5, 0), textcoords="offset points",
            va="top", color=_GAP, fontsize=9, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip


def _place(log: LoggedRun, gap: Gap) -> float:
    return gap.epoch + gap.step / log.steps


def _length(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _dress(axes: Any) -> None:
    axes.grid(axis="y", color=_RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9, labelcolor=_MUTED)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_MUTED)
