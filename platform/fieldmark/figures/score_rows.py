"""The lines of the score plot, from top to bottom, for whatever draws them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fieldmark.figures.sweep_scores import Setting, SweepScores

MOST_SEARCHED = 20
"""Of the search's settings only the best by the tune part are drawn, so that the plot stays readable."""

COLOURS = {"published": "#3f86c9", "search": "#e07b39", "superset": "#a05fb4", "baseline": "#8a9099"}
IMAGE_COLOUR, BOUND_COLOUR = "#c0504d", "#2a9d6f"
"""Middle tones that stand on white and on black."""

SYMBOLS = {
    "published": ("circle", "o"),
    "search": ("diamond", "D"),
    "superset": ("square", "s"),
    "baseline": ("triangle-up", "^"),
}
"""plotly's and matplotlib's marker of a group: colour is never the only sign."""


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """A heading (no setting) or a setting."""

    text: str
    group: str
    setting: Setting | None = None
    best: bool = False


def score_lines(scores: SweepScores) -> tuple[ScoreLine, ...]:
    """Returns published rows, Optuna's own, what learned on the superset, and baselines, each under its heading."""
    return tuple(line for group in _groups(scores) for line in _lines(scores, *group))


def _groups(scores: SweepScores) -> Iterator[tuple[str, str, Sequence[Setting]]]:
    published = scores.of_role("published")
    searched, left_out = _best_searched(scores)
    heading = f"Optuna's own (best {len(searched)} on tune; {left_out} more not drawn)" if left_out else "Optuna's own"
    yield "published", "Published settings (Table S2)", [one for one in published if one.permitted]
    yield "search", heading, searched
    yield "superset", "Prior learned on the larger set: stands apart", [one for one in published if not one.permitted]
    yield "baseline", "Baselines", scores.of_role("baseline")


def _best_searched(scores: SweepScores) -> tuple[list[Setting], int]:
    searched = scores.of_role("search")
    ranked = sorted(searched, key=lambda one: -float("inf") if one.goal is None else scores.goal.better(one.goal))
    kept = {one.config_id for one in ranked[-MOST_SEARCHED:]}
    return [one for one in searched if one.config_id in kept], len(searched) - len(kept)


def _lines(scores: SweepScores, group: str, heading: str, settings: Sequence[Setting]) -> Iterator[ScoreLine]:
    best = scores.best
    if settings:
        yield ScoreLine(heading, group)
    for one in settings:
        yield ScoreLine(one.label, group, one, best is not None and one.config_id == best.config_id)
