"""The head of a figure of accuracies by category: what it shows, who is who, and what the order does."""

from typing import Any

from fieldmark.figures.category_reading import Accuracies
from fieldmark.figures.trained_runs import GREY, INK

HEAD_INCHES = 1.1


def draw_head(axes: Any, found: Accuracies) -> None:
    """Fills a strip of `HEAD_INCHES` above the plots."""
    from matplotlib.lines import Line2D

    axes.set_axis_off()
    _write(
        axes, 0.0, f"Accuracy by category, {found.runs[0].record.spec.dataset}", fontsize=12, weight="bold", color=INK
    )
    _write(axes, 0.26, _about(found), fontsize=8.5, color=GREY)
    for line, text in enumerate(_caution(found)):
        _write(axes, 0.42 + 0.16 * line, text, fontsize=8.5, color=GREY)
    dots = [
        Line2D([], [], marker="o", linestyle="", color=run.colour, label=f"{run.label}  {_percent(found, shares_C)}")
        for run, shares_C in zip(found.runs, found.share_RC, strict=True)
    ]
    if found.control_C is not None:
        label = f"control: {found.runs[0].config.fusion}, seed {found.control_seed}  {_percent(found, found.control_C)}"
        dots.append(Line2D([], [], marker="o", linestyle="", mfc="white", mec=GREY, label=label))
    legend = axes.legend(
        handles=dots, loc="lower left", bbox_to_anchor=(0, 0), ncols=3, frameon=False, fontsize=8.5,
        borderaxespad=0, borderpad=0, handletextpad=0.1, columnspacing=1.2, labelcolor=INK,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)


def _write(axes: Any, inches_down: float, text: str, **style: Any) -> None:
    axes.text(0, 1 - inches_down / HEAD_INCHES, text, va="top", parse_math=False, transform=axes.transAxes, **style)


def _percent(found: Accuracies, shares_C: Any) -> str:
    return f"{100 * found.overall(shares_C):.1f} %"


def _about(found: Accuracies) -> str:
    first, least, most = found.runs[0], int(found.n_C.min()), int(found.n_C.max())
    sizes = str(least) if least == most else f"{least} to {most}"
    return (
        f"{int(found.n_C.sum()):,} test pictures of {len(found.n_C):,} categories, {sizes} each; "
        f"{first.config.backbone}, {first.config.resolution} px"
    ) + ("; gain: second run less first, in points" if len(found.runs) == 2 else "")


def _caution(found: Accuracies) -> list[str]:
    """Returns what an order by the first run does to the others (SCIENCE rule 14); nothing for a single run."""
    if len(found.runs) < 2:
        return ["Bars: 95 % intervals (Wilson) from the number of test pictures alone."]
    told = (
        f"Sorted by {found.runs[0].label}: by luck alone any other run looks better where it is low, worse where high."
    )
    if found.control_C is None:
        return [told, "No other seed of it is stored, which could show how much of the difference is that luck."]
    return [told, "Only what goes beyond the control, another seed of it, is a difference between methods."]
