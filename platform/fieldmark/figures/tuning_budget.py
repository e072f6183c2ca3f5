"""Accuracy against tuning budget: is a method better, or better tuned?"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pyarrow.compute as pc

from fieldmark.errors import UserError
from fieldmark.figures.budget_numbers import band, expected_best
from fieldmark.figures.drawing import Facts
from fieldmark.figures.image_sweep_reading import KIND, TRIED, read_image_sweep
from fieldmark.figures.setting_labels import METRIC_NAMES, SCORES
from fieldmark.figures.sweep_reading import read_sweep
from fieldmark.figures.sweep_scores import SweepScores, mean

if TYPE_CHECKING:
    from fieldmark.store import Store

By = Literal["fusion", "sampler"]
STOPPED = -math.inf
"""On tune, of a trial that early stopping ended: a draw spent, and never chosen."""


class Tried(NamedTuple):
    """One setting that was tried, mean over its seeds."""

    tune: float
    """More is better; `STOPPED` where it was stopped."""
    test: float
    """Top-1, a fraction; NaN where it was stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """One method; position k - 1 of each sequence is of k trials. None: all draws of so many are of stopped trials."""

    name: str
    trials: int
    stopped: int
    expected: tuple[float | None, ...]
    """Expected top-1 on test of the best on tune of k trials."""
    low: tuple[float | None, ...]
    """Lower end of the 95 % bootstrap interval over trials."""
    high: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningBudget:
    """The methods that a sweep tried."""

    sweep: str
    by: str
    chosen_by: str
    """What selects on tune."""
    facts: Facts
    lines: tuple[BudgetLine, ...]
    """Best at the budget that all have first."""

    @property
    def shared(self) -> int:
        """The largest number of trials that every method has."""
        return min(line.trials for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """Returns values that `json.dumps` takes."""
        return asdict(self)


def tuning_budget(store: "Store", sweep: str, by: By = "fusion") -> TuningBudget:
    """Returns the expected accuracy by method and number of trials.

    Published settings count as trials like those of the search. Orders are drawn at random, though a model-based search
    proposes its later trials with the earlier ones in mind.

    Args:
        store: holds the sweep.
        sweep: its id.
        by: `fusion` (sweeps of image classifiers) or `sampler` (PriorsNet's class-balanced and instance-balanced one).

    Raises:
        UserError: no such sweep, or nothing in it was tried to its end.
    """
    plan = store.plan(sweep)
    if plan is None:
        raise UserError(f"sweep {sweep}: the store {store.url} has no sweep of that name")
    images = plan.get("kind") == KIND
    if images != (by == "fusion"):
        kinds = "fusion (sweeps of image classifiers) or sampler (sweeps of PriorsNet)"
        raise UserError(f"sweep {sweep}: has no budget by {by}; expected {kinds}")
    tried, chosen_by, facts = _of_fusions(store, sweep) if images else _of_samplers(store, sweep)
    lines = [_line(name, trials) for name, trials in tried.items() if any(math.isfinite(one.tune) for one in trials)]
    if not lines:
        raise UserError(f"sweep {sweep}: nothing in it has been tried to its end and evaluated on test yet")
    shared = min(line.trials for line in lines)
    lines.sort(key=lambda line: -(line.expected[shared - 1] or 0.0))
    return TuningBudget(sweep=sweep, by=by, chosen_by=chosen_by, facts=facts, lines=tuple(lines))


Sorted = Mapping[str, list[Tried]]


def _of_fusions(store: "Store", sweep: str) -> tuple[Sorted, str, Facts]:
    found = read_image_sweep(store, sweep)
    tried: dict[str, list[Tried]] = defaultdict(list)
    for one in found.trials:
        if one.role in TRIED and one.complete:
            tried[one.fusion].append(Tried(one.on_tune, one.on_test))
        elif one.role in TRIED and one.state == "pruned":
            tried[one.fusion].append(Tried(STOPPED, math.nan))
    return tried, "top-1", found.facts("test")


def _of_samplers(store: "Store", sweep: str) -> tuple[Sorted, str, Facts]:
    scores = read_sweep(store, sweep)
    if scores is None:
        raise UserError(f"sweep {sweep}: the store {store.url} has no result of it on a test part yet")
    sampler_of = _samplers(store, scores)
    tried: dict[str, list[Tried]] = defaultdict(list)
    for one in scores.of_role(*TRIED):
        if one.permitted and one.goal is not None and one.config_id in sampler_of:
            value = Tried(scores.goal.better(one.goal), mean(one.values(scores.score)))
            tried[_SAMPLERS[sampler_of[one.config_id]]].append(value)
    for stopped in scores.tried:
        if stopped.status == "stopped":
            tried[_SAMPLERS[stopped.sampler]].append(Tried(STOPPED, math.nan))
    facts = Facts(
        dataset=scores.dataset, split="test", n=scores.test_records, smoke=scores.scale.name == "smoke", frozen=False
    )
    return tried, f"{METRIC_NAMES[scores.goal.metric]} of {SCORES[scores.goal.score]}", facts


_SAMPLERS = {"CB": "class-balanced sampler", "IB": "instance-balanced sampler"}


def _samplers(store: "Store", scores: SweepScores) -> dict[str, str]:
    here = (pc.field("fingerprint") == scores.fingerprint) & (pc.field("method") == "priorsnet")
    rows = store.runs(["config_id", "config.sampler"], here).to_pylist()
    return {row["config_id"]: row["config.sampler"] for row in rows}


def _line(name: str, tried: list[Tried]) -> BudgetLine:
    tune_N, test_N = (np.array(values) for values in zip(*tried, strict=True))
    low_K, high_K = band(tune_N, test_N)
    return BudgetLine(
        name=name,
        trials=len(tried),
        stopped=int(np.isinf(tune_N).sum()),
        expected=_known(expected_best(tune_N, test_N)),
        low=_known(low_K),
        high=_known(high_K),
    )


def _known(values: Any) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else float(value) for value in values)
