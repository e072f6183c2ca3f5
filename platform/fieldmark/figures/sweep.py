"""A sweep's plots for a page: pure functions from what was measured to a plotly figure."""

import math
from typing import Any

import plotly.graph_objects as go

from fieldmark.figures.score_rows import BOUND_COLOUR, COLOURS, IMAGE_COLOUR, SYMBOLS, ScoreLine, score_lines
from fieldmark.figures.seed_spread import SeedSpread, sweep_spread
from fieldmark.figures.setting_labels import METRIC_NAMES, SCORES
from fieldmark.figures.sweep_scores import Setting, SweepScores, Tried, mean

LINE_HEIGHT = 25
"""Pixels a line of a plot with one line a setting."""
BATCH_COLOURS = ("#4c5fb8", "#3f93c4", "#37a693", "#7fb04a", "#d9a520", "#e0702f", "#c4383e", "#8f3f97")
SCORE_MARKS = {
    "prior_raw": ("circle-open", "#2a9d6f"),
    "prior_corrected": ("diamond-open", "#2a9d6f"),
    "prior_calibrated": ("circle", "#2a9d6f"),
    "product_raw": ("square-open", "#3f86c9"),
    "product_corrected": ("diamond", "#3f86c9"),
    "product_bayes": ("square", "#3f86c9"),
    "image": ("x", IMAGE_COLOUR),
    "joint": ("star", "#c99a1b"),
}


def scores_figure(scores: SweepScores) -> go.Figure:
    """Draws top-1 on the test part: a dot a seed, the mean, and its 95 % interval from the pooled seed spread."""
    lines, spread = score_lines(scores), sweep_spread(scores)
    figure = _figure(lines=len(lines), x_title=f"top-1 on test (%), {SCORES[scores.score]}")
    for place, line in enumerate(lines):
        if line.setting is not None:
            _draw_setting(figure, scores, place, line, spread)
    _reference(figure, scores.image_only(), "image alone", IMAGE_COLOUR, "dash", level=0)
    _reference(figure, scores.bound(), "Bayes bound", BOUND_COLOUR, "solid", level=1)
    _name_lines(figure, [_tick(line) for line in lines])
    return figure


def search_figure(scores: SweepScores) -> go.Figure | None:
    """Draws the search's goal on tune against the learning rate, or nothing where fewer than two settings were tried."""
    if len({one.label for one in scores.tried}) < 2:
        return None
    metric = scores.goal.metric
    figure = _figure(height=430, x_title="learning rate, in the paper's units")
    figure.update_xaxes(type="log", dtick="D2", exponentformat="e")
    figure.update_yaxes(title=f"{METRIC_NAMES[metric]} on tune, {SCORES[scores.goal.score]}")
    batches = sorted({one.batch for one in scores.tried})
    for batch in batches:
        colour = BATCH_COLOURS[batches.index(batch) % len(BATCH_COLOURS)]
        figure.add_trace(_tried_trace([one for one in scores.tried if one.batch == batch], batch, colour, metric))
    for name, symbol in (("class-balanced", "circle"), ("instance-balanced", "diamond"), ("stopped early", "circle-open")):
        if name != "stopped early" or any(one.status == "stopped" for one in scores.tried):
            figure.add_trace(_legend_entry(name, symbol))
    return figure.update_layout(legend={"groupclick": "toggleitem"})


def reliability_figure(scores: SweepScores) -> go.Figure | None:
    """Draws the log-loss on test of every score of the best setting, the baselines, the image alone and the bound."""
    chosen = [scores.best, *scores.of_role("baseline"), *scores.of_role("stage"), _tightest_bound(scores)]
    settings = [one for one in chosen if one is not None and any(one.values(score, "log_loss") for score in one.scores)]
    losses = [mean(one.values(score, "log_loss")) for one in settings for score in one.scores]
    if len(settings) < 2:
        return None
    figure = _figure(lines=len(settings) + 1, x_title="log-loss on test (nats; smaller is better)")
    for score, (symbol, colour) in SCORE_MARKS.items():
        points = [(mean(one.values(score, "log_loss")), place) for place, one in enumerate(settings) if score in one.scores]
        if points:
            figure.add_trace(_score_trace(score, symbol, colour, points))
    if scores.card is not None:
        losses.append(math.log(scores.card.categories))
        _vertical(figure, losses[-1], f"guessing evenly {losses[-1]:.2f}", "#8a9099", "dot", level=0)
    if max(losses) > 4 * min(losses) > 0:
        figure.update_xaxes(type="log", dtick="D2")
    _name_lines(figure, [f"<b>best: {one.label}</b>" if one is scores.best else one.label for one in settings])
    return figure.update_layout(legend={"orientation": "h", "y": -0.22, "yanchor": "top"}, height=figure.layout.height + 60)


def _figure(*, lines: int = 0, height: int = 0, x_title: str) -> go.Figure:
    axis: dict[str, Any] = {
        "gridcolor": "rgba(128,128,128,0.22)", "zeroline": False, "automargin": True, "ticks": "", "linecolor": "rgba(128,128,128,0.5)",
    }  # fmt: skip
    return go.Figure(
        layout={
            "template": go.layout.Template(),
            "height": height or 120 + LINE_HEIGHT * max(lines, 1),
            "margin": {"l": 8, "r": 16, "t": 46, "b": 48},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#6b7280"},
            "hoverlabel": {"align": "left"},
            "xaxis": {**axis, "title": {"text": x_title, "standoff": 8}},
            "yaxis": axis,
        }
    )


def _name_lines(figure: go.Figure, names: list[str]) -> None:
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.4, -0.6], showgrid=False
    )
    figure.update_layout(showlegend=any(trace.showlegend is not False for trace in figure.data))


def _tick(line: ScoreLine) -> str:
    if line.setting is None:
        return f"<b>{line.text}</b>"
    return f"★ <b>{line.text}</b>" if line.best else line.text


def _draw_setting(figure: go.Figure, scores: SweepScores, place: int, line: ScoreLine, spread: SeedSpread | None) -> None:
    assert line.setting is not None
    values = [100 * value for value in line.setting.values(scores.score)]
    centre, colour = mean(values), COLOURS[line.group]
    symbol, _ = SYMBOLS[line.group]
    trained = line.group != "baseline"
    half = 100 * spread.half_width(len(values)) if spread and trained else 0.0
    note = f"{line.text}<br>mean {centre:.2f} % over {len(values)} seed{'s' * (len(values) > 1)}" + (f" ± {half:.2f}" if half else "")
    if len(values) > 1:
        seeds = {"color": colour, "size": 7, "opacity": 0.45}
        figure.add_trace(go.Scatter(
            x=values, y=[place] * len(values), mode="markers", marker=seeds, showlegend=False, hovertemplate="%{x:.2f} %<extra>one seed</extra>",
        ))  # fmt: skip
    figure.add_trace(go.Scatter(
        x=[centre], y=[place], mode="markers", showlegend=False, hovertemplate=f"{note}<extra></extra>",
        marker={"color": colour, "size": 10, "symbol": symbol, "line": {"color": "white", "width": 1}},
        error_x={"array": [half], "color": colour, "thickness": 1.5, "width": 4} if half else None,
    ))  # fmt: skip


def _reference(figure: go.Figure, value: float | None, name: str, colour: str, dash: str, *, level: int) -> None:
    if value is not None:
        _vertical(figure, 100 * value, f"{name} {100 * value:.1f}", colour, dash, level=level)


def _vertical(figure: go.Figure, x: float, text: str, colour: str, dash: str, *, level: int) -> None:
    figure.add_shape(type="line", xref="x", yref="paper", x0=x, x1=x, y0=0, y1=1, line={"color": colour, "dash": dash, "width": 1.5}, layer="below")
    figure.add_annotation(
        x=x, xref="x", y=1, yref="paper", yshift=10 + 16 * level, text=text, showarrow=False, font={"color": colour, "size": 12}
    )


def _tried_trace(tried: list[Tried], batch: int, colour: str, metric: str) -> go.Scatter:
    factor, unit = (1, "") if metric in ("log_loss", "mrr") else (100, " %")
    symbols = {"CB": "circle", "IB": "diamond"}
    hover = [
        f"{one.label}<br>{'published' if one.role == 'published' else 'Optuna'}, trial {one.number}, seed {one.seed}, "
        f"{one.status} after {one.epochs} epochs<br>{factor * one.goal:.4g}{unit}"
        for one in tried
    ]
    return go.Scatter(
        x=[one.lr for one in tried],
        y=[factor * one.goal for one in tried],
        mode="markers",
        name=str(batch),
        legendgroup="batch",
        legendgrouptitle={"text": "batch"},
        hovertext=hover,
        hoverinfo="text",
        marker={
            "color": colour,
            "size": 10,
            "opacity": 0.85,
            "symbol": [symbols[one.sampler] + ("-open" if one.status == "stopped" else "") for one in tried],
        },
    )


def _legend_entry(name: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=[None], y=[None], mode="markers", name=name, marker={"symbol": symbol, "color": "#8a9099", "size": 10},
        legendgroup="sampler", legendgrouptitle={"text": "sampler"}, hoverinfo="skip",
    )  # fmt: skip


def _score_trace(score: str, symbol: str, colour: str, points: list[tuple[float, int]]) -> go.Scatter:
    return go.Scatter(
        x=[x for x, _ in points], y=[y for _, y in points], mode="markers", name=SCORES[score],
        hovertemplate=f"{SCORES[score]}: %{{x:.3f}} nats<extra></extra>",
        marker={"symbol": symbol, "color": colour, "size": 11, "line": {"width": 2, "color": colour}},
    )  # fmt: skip


def _tightest_bound(scores: SweepScores) -> Setting | None:
    bounds = [one for one in scores.of_role("bound") if one.values("joint", "log_loss")]
    return min(bounds, key=lambda one: mean(one.values("joint", "log_loss")), default=None)
