"""Figure 1 of a sweep's page as a picture, for a README."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError
from fieldmark.figures.score_rows import BOUND_COLOUR, COLOURS, IMAGE_COLOUR, SYMBOLS, ScoreLine, score_lines
from fieldmark.figures.seed_spread import sweep_spread
from fieldmark.figures.setting_labels import SCORES
from fieldmark.figures.sweep_reading import read_sweep
from fieldmark.figures.sweep_scores import SweepScores, mean

if TYPE_CHECKING:
    from fieldmark.store import Store

INCHES_A_LINE = 0.24
DPI = 160


def draw_sweep(store: "Store", sweep_id: str, path: Path) -> Path:
    """Draws what each setting of a sweep scores on test into a PNG; the same results give the same picture.

    Raises:
        UserError: the store has nothing of that sweep on a test part.
    """
    from matplotlib.figure import Figure

    scores = read_sweep(store, sweep_id)
    if scores is None:
        raise UserError(f"sweep {sweep_id}: the store {store.url} has no result of it on a test part yet")
    lines = score_lines(scores)
    figure = Figure(figsize=(9, 1.3 + INCHES_A_LINE * len(lines)), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    _draw_lines(axes, scores, lines)
    _draw_reference(axes, scores.image_only(), "image alone", IMAGE_COLOUR, "--")
    _draw_reference(axes, scores.bound(), "Bayes bound", BOUND_COLOUR, "-")
    _label(axes, scores, lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    return path


def _draw_lines(axes: Any, scores: SweepScores, lines: tuple[ScoreLine, ...]) -> None:
    spread = sweep_spread(scores)
    for place, line in enumerate(lines):
        if line.setting is None:
            continue
        values = [100 * value for value in line.setting.values(scores.score)]
        half = 100 * spread.half_width(len(values)) if spread and line.group != "baseline" else None
        colour, (_, marker) = COLOURS[line.group], SYMBOLS[line.group]
        axes.plot(values, [place] * len(values), "o", color=colour, alpha=0.4, markersize=4, markeredgewidth=0)
        style = {"color": colour, "capsize": 2.5, "elinewidth": 1.1, "markeredgecolor": "white", "markeredgewidth": 0.6}
        axes.errorbar(mean(values), place, xerr=half, fmt=marker, markersize=6.5, **style)


def _draw_reference(axes: Any, value: float | None, name: str, colour: str, style: str) -> None:
    if value is not None:
        axes.axvline(100 * value, color=colour, linestyle=style, linewidth=1.2, zorder=0)
        place = (100 * value, 1.01)
        axes.annotate(
            f"{name} {100 * value:.1f}",
            place,
            xycoords=("data", "axes fraction"),
            color=colour,
            ha="center",
            fontsize=8,
        )


def _label(axes: Any, scores: SweepScores, lines: tuple[ScoreLine, ...]) -> None:
    axes.set_yticks(range(len(lines)), [("★ " if line.best else "") + line.text for line in lines], fontsize=8)
    for tick, line in zip(axes.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if line.setting is None or line.best else "normal")
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", alpha=0.3, linewidth=0.6)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.margins(x=0.08)
    axes.set_xlabel(f"top-1 on test (%): {SCORES[scores.score]}", fontsize=9)
    axes.set_title(
        f"PriorsNet on {scores.dataset}, scale {scores.scale.name}".replace("$", r"\$"), fontsize=10, pad=20, loc="left"
    )
