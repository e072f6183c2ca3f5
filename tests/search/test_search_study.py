"""The study is a function of the records."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState

from fieldmark.search import study
from fieldmark.search.study import Told
from search_spaces import priorsnet as space

SAMPLERS = ["tpe", "random", "gp", "nsgaii"]
VARY = ("dropout", "width", "depth", "decay", "encoding")


def told(params: dict[str, object], value: float, state: study.State = "complete") -> Told:
    distributions = study.fixed(params, lambda trial: space.suggest(trial, VARY if "width" in params else ()))
    assert distributions is not None
    return Told(params=params, distributions=distributions, state=state, values=(value,), epochs=3)


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    found = []
    for _ in range(draw(st.integers(0, 15))):
        params: dict[str, object] = {
            "sampler": draw(st.sampled_from(["CB", "IB"])),
            "batch": draw(st.sampled_from(space.BATCHES)),
            "lr": draw(st.floats(*space.LR)),
        }
        if params["sampler"] == "CB":
            params["images_per_class"] = draw(st.sampled_from(space.CAPS))
        state = draw(st.sampled_from(["complete", "pruned", "failed", "running"]))
        found.append(told(params, draw(st.floats(0, 1)), state))
    return found


@settings(max_examples=25, deadline=None)
@given(histories(), st.integers(0, 2**20))
def test_the_same_history_gives_the_same_question(history: list[Told], seed: int) -> None:
    first = study.ask(history, ["maximize"], "tpe", seed, space.suggest)
    assert first == study.ask(history, ["maximize"], "tpe", seed, space.suggest)


@settings(max_examples=25, deadline=None)
@given(histories())
def test_the_study_has_every_trial(history: list[Told]) -> None:
    trials = study.make_study(history, ["maximize"]).trials
    assert [trial.params for trial in trials] == [one.params for one in history]
    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    for one, trial in zip(history, trials, strict=True):
        assert trial.state == states.get(one.state, TrialState.RUNNING)
        if one.state == "pruned":
            assert trial.intermediate_values == {3: one.values[0]}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_answers_within_the_space(sampler: str) -> None:
    history = [told(space.parameters(config), 0.5 + row.row / 100) for row, config in space.published()[:9]] * 2
    config, params, distributions = study.ask(history, ["maximize"], sampler, 5, space.suggest)
    assert study.fixed(params, space.suggest) == distributions
    assert space.parameters(config) == params


def test_questions_have_seeds_of_their_own() -> None:
    seeds = {study.question_seed(seed, k) for seed in range(20) for k in range(20)}
    assert len(seeds) == 400


@pytest.mark.parametrize(
    "params",
    [
        {"sampler": "IB", "batch": 1000, "lr": 1e-3},
        {"sampler": "IB", "batch": 1024, "lr": 1.0},
        {"sampler": "CB", "batch": 1024, "lr": 1e-3},
        {"sampler": "IB", "batch": 1024, "lr": 1e-3, "images_per_class": 100},
    ],
)
def test_a_setting_outside_the_space_is_not_told(params: dict[str, object]) -> None:
    assert study.fixed(params, space.suggest) is None
