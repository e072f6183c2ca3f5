"""Figure 2 of a sweep's page: what the search saw."""

from collections.abc import Sequence

import plotly.graph_objects as go

from fieldmark.figures.plot_base import GREY, empty_figure, log_ticks
from fieldmark.figures.setting_labels import METRIC_NAMES, rate_label
from fieldmark.figures.sweep_scores import SweepScores, Tried

BATCH_COLOURS = ("#4c5fb8", "#3f93c4", "#37a693", "#7fb04a", "#d9a520", "#e0702f", "#c4383e", "#8f3f97")
"""From small to large batches; colours come round again after eight."""
SYMBOLS = {"CB": "circle", "IB": "diamond"}
SHARES = ("top1", "top3", "top5", "top10")
"""Metrics that are shown as percentages."""


def search_figure(scores: SweepScores) -> go.Figure | None:
    """Draws the search's goal on tune against the learning rate; nothing where fewer than two settings were tried."""
    if len({one.label for one in scores.tried}) < 2:
        return None
    metric = scores.goal.metric
    figure = empty_figure(
        height=440, x_title="learning rate, in the paper's units", y_title=f"{METRIC_NAMES[metric]} on tune"
    )
    rates = log_ticks([one.lr for one in scores.tried])
    figure.update_xaxes(type="log", tickvals=rates, ticktext=[rate_label(rate) for rate in rates])
    for position, batch in enumerate(sorted({one.batch for one in scores.tried})):
        colour = BATCH_COLOURS[position % len(BATCH_COLOURS)]
        figure.add_trace(_runs([one for one in scores.tried if one.batch == batch], batch, colour, metric))
    for name, symbol in _signs(scores.tried):
        figure.add_trace(_sign(name, symbol))
    return figure.update_layout(legend={"groupclick": "toggleitem"}, showlegend=True, margin_t=16)


def _runs(tried: Sequence[Tried], batch: int, colour: str, metric: str) -> go.Scatter:
    factor, unit = (100, " %") if metric in SHARES else (1, "")
    return go.Scatter(
        x=[one.lr for one in tried],
        y=[factor * one.goal for one in tried],
        mode="markers",
        name=str(batch),
        legendgroup="batch",
        legendgrouptitle={"text": "batch"},
        hovertext=[f"{_described(one)}<br>{factor * one.goal:.4g}{unit}" for one in tried],
        hoverinfo="text",
        marker={
            "color": colour,
            "size": 10,
            "opacity": 0.85,
            "line": {"width": 1.5, "color": colour},
            "symbol": [SYMBOLS[one.sampler] + ("-open" if one.status == "stopped" else "") for one in tried],
        },
    )


def _described(one: Tried) -> str:
    origin = "published" if one.role == "published" else "Optuna"
    return f"{one.label}<br>{origin}, trial {one.number}, seed {one.seed}, {one.status} after {one.epochs} epochs"


def _signs(tried: Sequence[Tried]) -> list[tuple[str, str]]:
    used = {one.sampler for one in tried}
    names = {"CB": "class-balanced", "IB": "instance-balanced"}
    signs = [(names[sampler], SYMBOLS[sampler]) for sampler in sorted(used)]
    return signs + [("stopped early", "circle-open")] * any(one.status == "stopped" for one in tried)


def _sign(name: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[None], y=[None], mode="markers", name=name, marker={"symbol": symbol, "color": GREY, "size": 10},
        legendgroup="sampler", legendgrouptitle={"text": "sampler"}, hoverinfo="skip",
    )  # fmt: skip
