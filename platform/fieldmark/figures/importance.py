"""Which of a sweep's parameters its accuracy depends on: fANOVA (Hutter et al. 2014), as Optuna computes it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fieldmark.errors import UserError
from fieldmark.figures.drawing import COLOURS, Facts, dress, heading, write_figure
from fieldmark.figures.image_sweep_reading import ImageSweep
from fieldmark.figures.trained_runs import INK

FEWEST = 4
"""Trials from which on importances are computed."""
FORESTS = 5
"""Forests of different seeds; their spread is what the forest's own luck does."""
TREES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """Shares of the variance of top-1 on tune over trials, by parameter."""

    facts: Facts
    sweep: str
    trials: int
    shares: Mapping[str, float]
    """Mean over forests, the largest first; they add up to 1."""
    low: Mapping[str, float]
    high: Mapping[str, float]
    left_out: tuple[str, ...]
    """Parameters that not all trials have, or that were the same in all."""

    def to_json(self) -> dict[str, Any]:
        """Returns values that `json.dumps` takes."""
        return asdict(self)


def importance(sweep: ImageSweep) -> Importance:
    """Returns the importance of the parameters that all trials have.

    Raises:
        UserError: fewer than four trials, or none of their parameters differs.
    """
    trials = list(_trials(sweep))
    if len(trials) < FEWEST:
        raise UserError(f"sweep {sweep.sweep}: importance needs {FEWEST} trials; {len(trials)} are complete")
    known = {name for params, _, _ in trials for name in params}
    everywhere = [name for name in sorted(known) if all(name in params for params, _, _ in trials)]
    names = [name for name in everywhere if len({str(params[name]) for params, _, _ in trials}) > 1]
    if not names:
        raise UserError(f"sweep {sweep.sweep}: all trials have the same parameters, so none is important")
    forests = [_forest(trials, names, seed) for seed in range(FORESTS)]
    means = {name: sum(forest[name] for forest in forests) / FORESTS for name in names}
    ranked = sorted(names, key=lambda name: -means[name])
    return Importance(
        facts=sweep.facts("tune"),
        sweep=sweep.sweep,
        trials=len(trials),
        shares={name: means[name] for name in ranked},
        low={name: min(forest[name] for forest in forests) for name in ranked},
        high={name: max(forest[name] for forest in forests) for name in ranked},
        left_out=tuple(sorted(known - set(names))),
    )


Told = tuple[Mapping[str, Any], Mapping[str, str], float]


def _trials(sweep: ImageSweep) -> Iterator[Told]:
    """Yields parameters, distributions and top-1 on tune of what was tried here, and of what the search was told of."""
    for one in sweep.tried:
        if one.params:
            yield one.params, one.distributions, one.on_tune
    for told in sweep.warm:
        yield told["params"], told["distributions"], float(told["values"][0])


def _forest(trials: list[Told], names: list[str], seed: int) -> dict[str, float]:
    import optuna
    from optuna.distributions import json_to_distribution
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction="maximize")
        for params, distributions, value in trials:
            kinds = {name: json_to_distribution(distributions[name]) for name in names}
            kept = {name: params[name] for name in names}
            study.add_trial(optuna.trial.create_trial(params=kept, distributions=kinds, value=value))
        evaluator = FanovaImportanceEvaluator(n_trees=TREES, seed=seed)
        found = get_param_importances(study, evaluator=evaluator, params=names)
    finally:
        optuna.logging.set_verbosity(level)
    return {name: float(found[name]) for name in names}


def write_importance(found: Importance, folder: Path, stem: str = "importance") -> list[Path]:
    """Draws a bar a parameter; returns PNG, SVG and JSON."""
    from matplotlib.figure import Figure

    names = list(found.shares)
    figure = Figure(figsize=(8, 2.2 + 0.42 * len(names)), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    dress(axes, "share of the variance of top-1 on tune (%)", "")
    axes.grid(visible=False, axis="y")
    for place, name in enumerate(names):
        low, share, high = (100 * ends[name] for ends in (found.low, found.shares, found.high))
        ends = [[share - low], [high - share]]
        axes.barh(place, share, xerr=ends, height=0.6, color=COLOURS[0], ecolor=INK, capsize=3)
        axes.annotate(
            f"{share:.0f} %", (high, place), (6, 0), textcoords="offset points", va="center", fontsize=9, color=INK
        )
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, max(100 * max(found.high.values()) * 1.15, 10)))
    rest = f" Left out, for not all trials vary in them: {', '.join(found.left_out)}." if found.left_out else ""
    said = (
        f"fANOVA over {found.trials} trials ({FORESTS} forests of {TREES} trees: mean and range). So few trials show "
        f"what mattered among them, not what matters.{rest}"
    )
    heading(figure, "Which parameters accuracy depends on", [found.facts.sentence, said])
    return write_figure(figure, found.to_json(), folder, stem)
