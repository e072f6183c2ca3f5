"""Draws accuracy against training size, and against the size of test pictures for each training size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fieldmark.figures.drawing import dress, heading, plain, sign, write_figure
from fieldmark.figures.resolution import Resolution, SizeLine, SizePoint, own, singles
from fieldmark.figures.sweep_scores import mean
from fieldmark.figures.trained_runs import BOUND_COLOUR, INK

MOST_LINES = 7
"""Training sizes that are drawn in colour, evenly chosen; others are faint."""
FAINT = "#c3cbd4"


def draw_resolution(found: Resolution) -> Any:
    """Returns matplotlib's figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 6.4), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2, sharey=True)
    dress(left, "trained and tested at (pixels)", "top-1 on test (%)")
    dress(right, "tested at (pixels)", "")
    _draw_trained(left, found)
    _draw_tested(right, found)
    for axes in (left, right):
        _draw_bounds(axes, found)
        _draw_marks(axes, found)
        axes.margins(x=0.05, y=0.07)
        plain(axes.legend(
            frameon=False, fontsize=8.5, labelcolor=INK, loc="upper center", bbox_to_anchor=(0.5, -0.11), ncols=2,
        ))  # fmt: skip
    marks = " The world's marks can be seen from the dotted sizes on; between them a larger picture shows no more."
    said = (
        "Left: every setting; the line joins those that are best on tune of their size. Right: those by test size; "
        "ringed: the training size; stars: several sizes averaged, at their mean. Bars: lowest to highest seed."
    ) + marks * bool(found.marks)
    heading(figure, "Accuracy against the size of training and test pictures", [found.facts.sentence, said])
    return figure


def _draw_trained(axes: Any, found: Resolution) -> None:
    chosen = [line for line in found.lines if line.chosen]
    x, y = [line.trained_at for line in chosen], _percents([own(line) for line in chosen])
    axes.plot(x, y, color="#4c566a", linewidth=1.4, zorder=1, label="best on tune of its size")
    kinds = dict.fromkeys((line.backbone, line.fusion) for line in found.lines)
    for place, kind in enumerate(kinds):
        lines = [line for line in found.lines if (line.backbone, line.fusion) == kind]
        style = sign(place) | {"label": ", ".join(kind), "linestyle": ""}
        _bars(axes, [own(line) for line in lines], style)


def _draw_tested(axes: Any, found: Resolution) -> None:
    chosen = [line for line in found.lines if line.chosen]
    named = _evenly(chosen, MOST_LINES)
    for line in found.lines:
        if line not in named and line.role != "baseline":
            points = singles(line)
            axes.plot([point.place for point in points], _percents(points), ".-", color=FAINT, linewidth=1, zorder=1)
    for place, line in enumerate(named):
        _draw_line(axes, line, sign(place))


def _evenly(lines: Sequence[SizeLine], most: int) -> list[SizeLine]:
    """Returns at most so many of the lines, the first and last among them."""
    if len(lines) <= most:
        return list(lines)
    return [lines[round(place * (len(lines) - 1) / (most - 1))] for place in range(most)]


def _draw_line(axes: Any, line: SizeLine, style: dict[str, Any]) -> None:
    _bars(axes, singles(line), style | {"label": f"trained at {line.trained_at} px", "linewidth": 1.7})
    trained, several = own(line), [point for point in line.points if len(point.sizes) > 1]
    ring = {"marker": "o", "linestyle": "", "markersize": 13, "mfc": "none", "mew": 1.6}
    axes.plot(trained.place, _percents([trained]), color=style["color"], **ring, zorder=4)
    star = {"marker": "*", "linestyle": "", "markersize": 13, "mec": INK, "mew": 0.6}
    axes.plot([point.place for point in several], _percents(several), color=style["color"], **star, zorder=5)


def _bars(axes: Any, points: Sequence[SizePoint], style: dict[str, Any]) -> None:
    percents = _percents(points)
    ends = [
        [percent - 100 * min(point.test) for percent, point in zip(percents, points, strict=True)],
        [100 * max(point.test) - percent for percent, point in zip(percents, points, strict=True)],
    ]
    places = [point.place for point in points]
    axes.errorbar(places, percents, yerr=ends, capsize=2.5, elinewidth=1, markersize=5.5, zorder=3, **style)


def _draw_bounds(axes: Any, found: Resolution) -> None:
    for style, (told, bound) in zip(("-", "--", ":"), found.bounds.items(), strict=False):
        shape = {"color": BOUND_COLOUR, "linestyle": style, "marker": "_", "markersize": 10, "linewidth": 1.2}
        shape |= {"drawstyle": "steps-post"}
        label = f"Bayes bound, {told.replace('+', ', ')}"
        axes.plot(list(bound), [100 * value for value in bound.values()], label=label, zorder=1, **shape)


def _draw_marks(axes: Any, found: Resolution) -> None:
    for name, pixels in found.marks.items():
        axes.axvline(pixels, color="#6b7280", linestyle=":", linewidth=1.3, zorder=0)
        axes.annotate(
            f"{name}\n{pixels:g} px", (pixels, 1), (0, 3), xycoords=axes.get_xaxis_transform(),
            textcoords="offset points", ha="center", fontsize=8, color="#5a6570",
        )  # fmt: skip


def _percents(points: Sequence[SizePoint]) -> list[float]:
    return [100 * mean(point.test) for point in points]


def write_resolution(found: Resolution, folder: Path, stem: str = "resolution") -> list[Path]:
    """Draws accuracy against training size and against test size; returns PNG, SVG and JSON."""
    return write_figure(draw_resolution(found), found.to_json(), folder, stem)
