"""The learning rates of the recipes against the authors' program and the released log."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config.recipe import RecipeConfig, Recipes
from fieldmark.training.classifier.schedule import learning_rate

AUTHORS = [  # epoch and iteration as the authors count, iterations an epoch, rate
    (1, 0, 488, 0.0),
    (1, 244, 488, 0.01),
    (2, 0, 488, 0.02),
    (2, 487, 488, 0.039959016393442626),
    (3, 0, 488, 0.03995128100519649),
    (45, 0, 488, 0.020697989934050025),
    (46, 100, 488, 0.02),
    (90, 487, 488, 1.2183459618084759e-05),
    (1, 500, 976, 0.010245901639344262),
    (2, 975, 976, 0.03997950819672132),
    (3, 900, 976, 0.03995128100519649),
    (90, 10, 976, 1.2183459618084759e-05),
]
LOGGED = [(0, 486, 0.2490), (1, 486, 0.4990), (45, 3, 0.2500), (89, 4, 0.0002)]
"""The released log: epochs from 0, 488 iterations, four decimals."""


@pytest.mark.parametrize(("epoch", "iteration", "iterations", "rate"), AUTHORS)
def test_the_papers_recipe_has_the_authors_rates(epoch, iteration, iterations, rate):
    found = learning_rate(Recipes.NAMES["paper_cnn"], epoch - 1, iteration, iterations)
    assert found == pytest.approx(rate, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("epoch", "iteration", "rate"), LOGGED)
def test_the_released_logs_recipe_has_its_rates(epoch, iteration, rate):
    assert learning_rate(Recipes.NAMES["released_log"], epoch, iteration, 488) == pytest.approx(rate, abs=5.1e-4)


def test_the_released_log_peaks_at_one_half():
    rates = [learning_rate(Recipes.NAMES["released_log"], epoch, i, 488) for epoch in range(90) for i in range(488)]
    assert max(rates) == pytest.approx(0.5, rel=2e-3) and max(rates) <= 0.5


@given(
    schedule=st.sampled_from(["cosine_epoch", "cosine", "constant"]),
    epochs=st.integers(1, 40),
    warmup=st.integers(0, 6),
    steps=st.integers(1, 30),
)
def test_a_rate_rises_in_the_warm_up_and_never_after(schedule, epochs, warmup, steps):
    config = RecipeConfig(schedule=schedule, epochs=epochs, warmup_epochs=warmup)
    rates = [learning_rate(config, epoch, step, steps) for epoch in range(epochs) for step in range(steps)]
    rising, falling = rates[: warmup * steps], rates[warmup * steps :]
    assert all(0 <= rate <= config.lr for rate in rates)
    assert all(a < b for a, b in pairwise(rising))
    assert all(a >= b for a, b in pairwise(falling))
    if falling and schedule != "cosine_epoch":
        assert falling[0] == config.lr
