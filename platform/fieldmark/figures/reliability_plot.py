"""Figure 3 of a sweep's page: how far each score can be trusted as a probability."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from fieldmark.figures.plot_base import GREY, LINE_HEIGHT, empty_figure, log_ticks, name_lines, vertical_line
from fieldmark.figures.score_rows import IMAGE_COLOUR
from fieldmark.figures.setting_labels import METRIC_NAMES, SCORES
from fieldmark.figures.sweep_scores import Setting, SweepScores, mean

MARKS = {
    "prior_raw": ("circle-open", "#2a9d6f"),
    "prior_corrected": ("diamond-open", "#2a9d6f"),
    "prior_calibrated": ("circle", "#2a9d6f"),
    "product_raw": ("square-open", "#3f86c9"),
    "product_corrected": ("diamond", "#3f86c9"),
    "product_bayes": ("square", "#3f86c9"),
    "image": ("x", IMAGE_COLOUR),
    "joint": ("star", "#c99a1b"),
}
"""Score source to sign and colour; the prior alone is green, its product with the image blue."""
OFFSETS = {"prior": -0.17, "product": 0.17}
"""The two families stand a little above and below their line, so that equal losses do not hide each other."""
WIDE = 4
"""From this ratio of the largest to the smallest loss on the axis is logarithmic."""


def reliability_figure(scores: SweepScores) -> go.Figure | None:
    """Draws the log-loss on test of every score of the chosen setting, the baselines, the image alone and the bound."""
    settings = [one for one in _chosen(scores) if _losses(one)]
    if len(settings) < 2:
        return None
    figure = empty_figure(height=190 + (LINE_HEIGHT + 6) * len(settings), x_title=f"{METRIC_NAMES['log_loss']} on test")
    losses = [loss for one in settings for loss in _losses(one).values()]
    even = math.log(scores.card.categories) if scores.card else None
    if max(losses) > WIDE * min(losses) > 0:
        ticks = log_ticks(losses)
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    for score in MARKS:
        _draw_score(figure, score, settings)
    if even is not None:
        vertical_line(figure, even, f"guessing evenly {even:.2f}", GREY, "dot")
    name_lines(figure, [f"★ <b>{one.label}</b>" if one is scores.best else one.label for one in settings])
    return figure.update_layout(legend={"orientation": "h", "y": -0.28, "yanchor": "top"}, showlegend=True)


def _chosen(scores: SweepScores) -> list[Setting]:
    chosen = [scores.best, *scores.of_role("baseline"), *scores.of_role("stage"), scores.bound_setting]
    return [one for one in chosen if one is not None]


def _losses(setting: Setting) -> dict[str, float]:
    found = {score: setting.test.get((score, "log_loss"), ()) for score in setting.scores}
    return {score: mean(values) for score, values in found.items() if values}


def _draw_score(figure: go.Figure, score: str, settings: Sequence[Setting]) -> None:
    offset = OFFSETS.get(score.partition("_")[0], 0.0)
    points = [(_losses(one)[score], place + offset) for place, one in enumerate(settings) if score in _losses(one)]
    if not points:
        return
    symbol, colour = MARKS[score]
    figure.add_trace(go.Scatter(
        x=[x for x, _ in points], y=[y for _, y in points], mode="markers", name=SCORES[score],
        hovertemplate=f"{SCORES[score]}: %{{x:.3f}} nats<extra></extra>",
        marker={"symbol": symbol, "color": colour, "size": 11, "line": {"width": 2, "color": colour}},
    ))  # fmt: skip
