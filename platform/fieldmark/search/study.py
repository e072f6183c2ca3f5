"""Optuna's study as a pure function of what is recorded, and the next proposal as a pure function of the study.

Nothing of Optuna's is stored: the study is made anew for every batch of questions (of one question each in small
sweeps), so that a sweep that was killed and one that was not ask and answer alike. The sampler's seed is the search
seed and the number of the question. TPE is left with its constant liar, Optuna's default since 5.0: settings that are
being tried count as poor ones, so that many workers are not sent to one place.
"""

import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from fieldmark.config import digest
from fieldmark.errors import UserError

State = Literal["complete", "pruned", "failed", "running"]
Setting = TypeVar("Setting")

NOTES = ("nsgaii",)
"""Samplers that read what they have noted with earlier trials; others' notes tell nothing that the trials do not."""

_STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "running": TrialState.RUNNING,
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the study is told of one setting."""

    params: dict[str, Any]
    distributions: dict[str, str]
    """Parameter to Optuna's JSON of its distribution."""
    state: State
    values: tuple[float, ...] = ()
    """One an objective; of a pruned trial the first alone, or none; of others none."""
    epochs: int = 0
    """After how many epochs a pruned trial had that value."""
    attributes: dict[str, Any] = field(default_factory=dict)
    noted: dict[str, Any] = field(default_factory=dict)
    """What the sampler has noted with it: NSGA-II the generation, without which it never leaves its first one."""


def make_study(told: Iterable[Told], directions: Sequence[str], sampler: BaseSampler | None = None) -> optuna.Study:
    """Returns a study in memory that has been told all this, in that order.

    Args:
        told: trials, with as many values as there are directions where they are complete.
        directions: `maximize` or `minimize`, one an objective.
        sampler: None: Optuna's default.
    """
    with _quiet():
        study = optuna.create_study(directions=list(directions), sampler=sampler)
        study.add_trials([_frozen(one, alone=len(directions) == 1) for one in told])
    return study


def ask(
    told: Iterable[Told],
    directions: Sequence[str],
    sampler: str,
    seed: int,
    suggest: Callable[[optuna.Trial], Setting],
) -> tuple[Setting, dict[str, Any], dict[str, str]]:
    """Returns the sampler's next setting, its parameters and their distributions.

    Args:
        told: everything known so far.
        directions: `maximize` or `minimize`, one an objective.
        sampler: a name that `make_sampler` knows.
        seed: of this question.
        suggest: the search space.
    """
    return Questions(told, directions).ask(sampler, seed, suggest)


class Questions:
    """A study that several questions are put to, one after another."""

    def __init__(self, told: Iterable[Told], directions: Sequence[str]) -> None:
        """Tells a new study what is known."""
        self.noted: dict[str, Any] = {}
        """What the sampler has noted with its last answer and needs again."""
        self._study = make_study(told, directions)
        self._alone = len(directions) == 1

    def ask(
        self, sampler: str, seed: int, suggest: Callable[[optuna.Trial], Setting]
    ) -> tuple[Setting, dict[str, Any], dict[str, str]]:
        """Returns the next setting, its parameters and their distributions; see `ask`.

        The study forgets the question: what came of it is told by `hear`, as it would be after a restart.
        """
        self._study.sampler = make_sampler(sampler, seed)
        with _quiet():
            trial = self._study.ask()
            setting = suggest(trial)
            found = setting, dict(trial.params), {name: _text(one) for name, one in trial.distributions.items()}
            forgotten = self._study.tell(trial, state=TrialState.FAIL)  # samplers pass over failed trials
        self.noted = dict(forgotten.system_attrs) if sampler in NOTES else {}
        return found

    def hear(self, told: Told) -> None:
        """Adds a trial."""
        with _quiet():
            self._study.add_trial(_frozen(told, alone=self._alone))


def fixed(params: dict[str, Any], suggest: Callable[[optuna.trial.BaseTrial], Setting]) -> dict[str, str] | None:
    """Returns the distributions of given parameters, or None where they do not lie in the search space."""
    trial = optuna.trial.FixedTrial(params)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a number out of range is but a warning to Optuna
            suggest(trial)
    except (ValueError, UserWarning):
        return None
    distributions = trial.distributions
    if distributions.keys() != params.keys():
        return None
    return {name: _text(distribution) for name, distribution in distributions.items()}


def question_seed(search_seed: int, k: int) -> int:
    """Returns the sampler's seed for the k-th question."""
    return int(digest([search_seed, k])[:8], 16)


def make_sampler(name: str, seed: int) -> BaseSampler:
    """Returns Optuna's sampler of that name with its own defaults.

    Raises:
        UserError: for an unknown name.
    """
    makers: dict[str, Callable[..., BaseSampler]] = {
        "tpe": optuna.samplers.TPESampler,
        "random": optuna.samplers.RandomSampler,
        "gp": optuna.samplers.GPSampler,
        "nsgaii": optuna.samplers.NSGAIISampler,
    }
    if name not in makers:
        raise UserError(f"--sampler {name!r}: expected one of {', '.join(makers)}")
    with _quiet():
        return makers[name](seed=seed)


def _frozen(told: Told, *, alone: bool) -> FrozenTrial:
    """Returns Optuna's trial; where there are several objectives, it knows no value of a pruned one."""
    pruned = told.state == "pruned" and alone
    return create_trial(
        state=_STATES[told.state],
        values=list(told.values) if told.values and (pruned or told.state == "complete") else None,
        params=told.params,
        distributions={name: _distribution(text) for name, text in told.distributions.items()},
        intermediate_values={told.epochs: told.values[0]} if pruned and told.values else {},
        user_attrs=told.attributes,
        system_attrs=told.noted,
    )


@cache
def _distribution(text: str) -> BaseDistribution:
    """Returns the distribution of a text; there are a few in a sweep, and thousands of trials that have them."""
    return json_to_distribution(text)


def _text(distribution: BaseDistribution) -> str:
    """Returns a distribution's text, the same object every time: it is kept with every trial."""
    return sys.intern(distribution_to_json(distribution))


class _quiet:
    """Optuna's warnings and notes are for its own command line; errors still come through."""

    def __enter__(self) -> None:
        self._level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)

    def __exit__(self, *_: object) -> None:
        optuna.logging.set_verbosity(self._level)
