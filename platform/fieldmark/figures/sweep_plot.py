"""Figure 1 of a sweep's page: what each setting scores on test."""

import plotly.graph_objects as go

from fieldmark.figures.plot_base import LINE_HEIGHT, empty_figure, name_lines, vertical_line
from fieldmark.figures.score_rows import BOUND_COLOUR, COLOURS, IMAGE_COLOUR, SYMBOLS, ScoreLine, score_lines
from fieldmark.figures.seed_spread import SeedSpread, sweep_spread
from fieldmark.figures.setting_labels import SCORES
from fieldmark.figures.sweep_scores import SweepScores, mean


def scores_figure(scores: SweepScores) -> go.Figure:
    """Draws top-1 on the test part: a dot a seed, the mean, and its 95 % interval from the pooled seed spread."""
    lines, spread = score_lines(scores), sweep_spread(scores)
    figure = empty_figure(height=110 + LINE_HEIGHT * len(lines), x_title=f"top-1 on test (%): {SCORES[scores.score]}")
    for place, line in enumerate(lines):
        for trace in _traces(scores, place, line, spread):
            figure.add_trace(trace)
    image, bound = scores.image_only(), scores.bound()
    if image is not None:
        vertical_line(figure, 100 * image, f"image alone {100 * image:.1f}", IMAGE_COLOUR, "dash", level=0)
    if bound is not None:
        vertical_line(figure, 100 * bound, f"Bayes bound {100 * bound:.1f}", BOUND_COLOUR, "solid", level=1)
    name_lines(figure, [_tick(line) for line in lines])
    figure.update_xaxes(range=_range(scores, lines))
    return figure.update_layout(showlegend=False)


def _range(scores: SweepScores, lines: tuple[ScoreLine, ...]) -> list[float]:
    values = [value for line in lines if line.setting for value in line.setting.values(scores.score)]
    values += [value for value in (scores.image_only(), scores.bound()) if value is not None]
    low, high = 100 * min(values), 100 * max(values)
    margin = max(0.08 * (high - low), 0.5)
    return [low - margin, high + margin]


def _tick(line: ScoreLine) -> str:
    if line.setting is None:
        return f"<b>{line.text}</b>"
    return f"★ <b>{line.text}</b>" if line.best else line.text


def _traces(scores: SweepScores, place: int, line: ScoreLine, spread: SeedSpread | None) -> list[go.Scatter]:
    if line.setting is None:
        return []
    values = [100 * value for value in line.setting.values(scores.score)]
    half = 100 * spread.half_width(len(values)) if spread and line.group != "baseline" else 0.0
    return [_seeds(values, place, COLOURS[line.group]), _centre(values, place, line, half)]


def _seeds(values: list[float], place: int, colour: str) -> go.Scatter:
    return go.Scatter(
        x=values, y=[place] * len(values), mode="markers", marker={"color": colour, "size": 7, "opacity": 0.45},
        hovertemplate="%{x:.2f} %<extra>one seed</extra>",
    )  # fmt: skip


def _centre(values: list[float], place: int, line: ScoreLine, half: float) -> go.Scatter:
    colour, (symbol, _) = COLOURS[line.group], SYMBOLS[line.group]
    interval = f" ± {half:.2f}" if half else ""
    seeds = f"{len(values)} seed{'s' * (len(values) > 1)}"
    return go.Scatter(
        x=[mean(values)], y=[place], mode="markers",
        hovertemplate=f"{line.text}<br>mean {mean(values):.2f} %{interval}, {seeds}<extra></extra>",
        marker={"color": colour, "size": 10, "symbol": symbol, "line": {"color": "white", "width": 1}},
        error_x={"array": [half], "color": colour, "thickness": 1.5, "width": 4} if half else None,
    )  # fmt: skip
