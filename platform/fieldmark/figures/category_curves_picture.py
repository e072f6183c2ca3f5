"""Draws Figure S4: curves by group of categories, and beside them what each method turned right and wrong."""

from pathlib import Path
from typing import Any

from fieldmark.figures.category_curves import PAPER_GROUP, CategoryCurves, CategoryLine
from fieldmark.figures.drawing import dress, heading, plain, sign, write_figure
from fieldmark.figures.trained_runs import INK

CONTROL = {"color": "#6b7280", "marker": "o", "mfc": "white", "linestyle": "--"}
RIGHT, WRONG = "#0072b2", "#d55e00"


def write_category_curves(found: CategoryCurves, folder: Path, stem: str = "figS4") -> list[Path]:
    """Draws the curves; returns PNG, SVG and JSON."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 6), layout="constrained", facecolor="white")
    curves, bars = figure.subplots(1, 2, width_ratios=(2.3, 1))
    _draw_curves(curves, found)
    _draw_turned(bars, found)
    heading(figure, f"Top-1 accuracy by category, {found.facts.dataset}", _sentences(found))
    return write_figure(figure, found.to_json(), folder, stem)


def _sentences(found: CategoryCurves) -> list[str]:
    least, most = min(found.group_sizes), max(found.group_sizes)
    size = f"{least}" if least == most else f"{least} to {most}"
    paper = "" if size == str(PAPER_GROUP) else f" (the paper's: {PAPER_GROUP})"
    groups = (
        f"{found.categories:,} categories sorted by {found.baseline}, averaged over {len(found.group_sizes)} groups of "
        f"{size} adjacent ones{paper}."
    )
    luck = "Sorting by one model flatters a model trained anew where it is low and hurts it where it is high: "
    told = (
        "no second seed of it is stored to show by how much."
        if found.control is None
        else f"{found.control} shows by how much; only what goes beyond it is help or harm to such a model."
    )
    absent = [f"Not stored, so not drawn: {', '.join(found.missing)}."] if found.missing else []
    return [found.facts.sentence, groups, luck + told, *_sharing(found), *absent]


def _sharing(found: CategoryCurves) -> list[str]:
    """Returns the sentence about methods that the control does not serve."""
    if not found.on_baseline:
        return []
    *others, last = found.on_baseline
    named = f"{', '.join(others)} and {last}" if others else last
    verbs = ("start", "share") if others else ("starts", "shares")
    control = "" if found.control is None else ", so that the control overstates this"
    return [f"{named} {verbs[0]} from {found.baseline}'s own seed and {verbs[1]} its luck{control}."]


def _style(found: CategoryCurves, line: CategoryLine) -> dict[str, Any]:
    return CONTROL if line.is_control else sign(found.lines.index(line))


def _draw_curves(axes: Any, found: CategoryCurves) -> None:
    dress(axes, "group of categories, from the lowest accuracy of the baseline to the highest", "top-1 on test (%)")
    places = range(1, len(found.group_sizes) + 1)
    for line in found.lines:
        percent = [100 * value for value in line.group_top1]
        label = f"{line.label}  {100 * line.top1:.1f}"
        width = 2.4 if line.label == found.baseline else 1.6
        axes.plot(places, percent, linewidth=width, markersize=5, label=label, **_style(found, line))
    axes.set_ylim(-2, 102)
    axes.set_xlim(0.5, len(found.group_sizes) + 0.5)
    axes.set_xticks([place for place in places if place == 1 or place % max(1, len(places) // 7) == 0])
    plain(axes.legend(frameon=False, fontsize=8.5, labelcolor=INK, loc="lower right", title="method, top-1 of all (%)",
                      title_fontsize=8.5))  # fmt: skip


def _draw_turned(axes: Any, found: CategoryCurves) -> None:
    shown = [line for line in found.lines if line.label != found.baseline]
    dress(axes, f"test pictures of {found.facts.n:,}", "")
    axes.grid(visible=False, axis="y")
    right, wrong = [line.turned_right for line in shown], [-line.turned_wrong for line in shown]
    places = list(range(len(shown)))
    axes.barh(places, right, height=0.55, color=RIGHT)
    axes.barh(places, wrong, height=0.55, color=WRONG, hatch="///", edgecolor="white", linewidth=0)
    axes.axvline(0, color=INK, linewidth=0.8)
    for place, line in enumerate(shown):
        net = f"net {line.turned_right - line.turned_wrong:+,.0f}".replace("-", "−")
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        name = {"fontsize": 8.5, "color": INK, "ha": "center", "parse_math": False, "bbox": behind}
        axes.text(0, place - 0.42, f"{line.label}  ({net})", **name)
        for value, side in ((line.turned_right, 1), (-line.turned_wrong, -1)):
            axes.annotate(
                f"{abs(value):,.0f}", (value, place), (3 * side, 0), textcoords="offset points", fontsize=8.5,
                color=INK, va="center", ha="left" if side > 0 else "right",
            )  # fmt: skip
    axes.set_yticks([])
    axes.set_ylim(len(shown) - 0.4, -0.8)
    widest = max([*right, *(-value for value in wrong), 1.0]) * 1.3
    axes.set_xlim(-widest, widest)
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    axes.set_title(f"turned wrong    turned right\nagainst {found.baseline}", fontsize=9, color=INK, parse_math=False)
