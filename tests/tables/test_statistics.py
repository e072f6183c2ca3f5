"""Statistics: known answers, symmetries, and coverage with fixed seeds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

from fieldmark.tables.published_noise import pooled_analysis, pooled_sentence
from fieldmark.tables.statistics import (
    ImageResampler,
    Summary,
    bound_violations,
    distributions,
    holm,
    mcnemar,
    minimum_detectable_difference,
    nested_effects,
    pooled_std,
    reproduction,
    summarise,
)

hits = st.integers(5, 60).flatmap(
    lambda images: st.tuples(
        arrays(np.float64, (3, images), elements=st.sampled_from([0.0, 0.5, 1.0])),
        arrays(np.float64, (2, images), elements=st.sampled_from([0.0, 0.5, 1.0])),
    )
)


def test_rule_11_is_computed_from_the_printed_rows() -> None:
    found = pooled_analysis()
    assert found.freedom == 6
    assert found.std == pytest.approx(0.025, abs=0.0005)
    assert found.f == pytest.approx(0.43, abs=0.005)
    sentence = pooled_sentence()
    assert "0.025 points on 6 degrees of freedom" in sentence
    assert "F = 0.43" in sentence
    assert "neither effect is visible" in sentence


def test_one_seed_has_no_standard_deviation() -> None:
    assert summarise([0.5]) == Summary(n=1, mean=0.5, std=None)
    assert summarise([0.4, 0.6]).std == pytest.approx(math.sqrt(0.02))


def test_pooling_weighs_by_degrees_of_freedom() -> None:
    groups = [Summary(n=3, mean=0, std=2.0), Summary(n=2, mean=0, std=1.0), Summary(n=1, mean=0, std=None)]
    assert pooled_std(groups) == (pytest.approx(math.sqrt((2 * 4 + 1) / 3)), 3)
    assert pooled_std(groups[2:]) == (None, 0)


@pytest.mark.parametrize(
    ("std", "n", "published", "verdict"),
    [
        (0.0003, 3, 0.80246, "reproduced"),
        (0.0003, 3, 0.790, "differs"),
        (0.02, 3, 0.80246, "undecidable at this n"),
        (None, 1, 0.80246, "undecidable at this n"),
        (0.02, 3, 0.20, "differs"),
    ],
)
def test_verdicts_of_rule_10(std: float | None, n: int, published: float, verdict: str) -> None:
    assert reproduction(Summary(n=n, mean=0.8020, std=std), published, 100_000).verdict == verdict


def test_a_small_published_test_set_widens_the_interval() -> None:
    measured = Summary(n=5, mean=0.55, std=0.001)
    assert reproduction(measured, 0.532, 2_000).verdict == "reproduced"
    assert reproduction(measured, 0.532, 100_000).verdict == "differs"


def test_a_true_replication_is_rarely_called_different() -> None:
    random = np.random.default_rng(1)
    truth, images = 0.8, 20_000
    different = 0
    for _ in range(400):
        runs = random.normal(truth, 0.002, 3)
        published = random.binomial(images, random.normal(truth, 0.002)) / images
        different += reproduction(summarise(list(runs)), published, images).verdict == "differs"
    assert different <= 30  # 5 % and a margin for chance


@given(hits)
@settings(max_examples=30, deadline=None)
def test_a_difference_changes_sign_with_its_sides(pair: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = pair
    resampler = ImageResampler(first.shape[1], replicates=200)
    one, other = resampler.difference(first, second), resampler.difference(second, first)
    assert one.value == pytest.approx(-other.value)
    assert one.low <= one.high


@given(hits)
@settings(max_examples=20, deadline=None)
def test_a_method_does_not_differ_from_itself_where_seeds_agree(pair: tuple[np.ndarray, np.ndarray]) -> None:
    one = pair[0][:1]
    found = ImageResampler(one.shape[1], replicates=100).difference(one, one)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_the_same_table_twice_has_the_same_intervals() -> None:
    random = np.random.default_rng(0)
    first, second = random.random((3, 500)) < 0.7, random.random((1, 500)) < 0.6
    found = [ImageResampler(500).difference(first.astype(float), second.astype(float)) for _ in range(2)]
    assert found[0] == found[1]


def test_intervals_cover_the_true_difference() -> None:
    """Images and seeds both vary: 95 % intervals should hold the truth in about 95 % of repetitions."""
    random = np.random.default_rng(7)
    covered = 0
    for trial in range(120):
        images, seeds = 300, 8
        easy = random.random(images)
        shifts = random.normal(0, 0.01, (2, seeds, 1))
        first = (random.random((seeds, images)) < 0.4 + 0.4 * easy + 0.05 + shifts[0]).astype(float)
        second = (random.random((seeds, images)) < 0.4 + 0.4 * easy + shifts[1]).astype(float)
        found = ImageResampler(images, replicates=300, seed=trial).difference(first, second)
        covered += found.low <= 0.05 <= found.high
    assert covered / 120 > 0.88


def test_pairing_removes_the_difficulty_of_images() -> None:
    base = (np.arange(1000) < 600).astype(float)[None]
    better = base.copy()
    better[0, 600:650] = 1
    found = ImageResampler(1000).difference(better, base)
    assert found.value == pytest.approx(0.05)
    assert found.error < 0.01  # two unpaired proportions would have 0.022


def test_mcnemar_known_answers() -> None:
    first = np.repeat([1.0, 0.0], [10, 2])
    assert mcnemar(first, 1 - first) == pytest.approx(0.0385742, abs=1e-6)
    assert mcnemar(first, first) == 1.0


@given(st.integers(1, 40), st.integers(1, 40))
def test_mcnemar_is_symmetric(more: int, fewer: int) -> None:
    first = np.repeat([1.0, 0.0], [more, fewer])
    assert mcnemar(first, 1 - first) == pytest.approx(mcnemar(1 - first, first))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_monotone_and_never_smaller_than_the_raw_value(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert all(raw <= fixed <= 1 for raw, fixed in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert list(np.array(corrected)[order]) == sorted(corrected)


def test_holm_known_answer() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_luck_is_no_violation_and_a_real_one_is_found() -> None:
    random = np.random.default_rng(3)
    bound = (random.random(2000) < 0.75).astype(float)
    lucky = np.stack([np.where(random.random(2000) < 0.2, random.random(2000) < 0.75, bound) for _ in range(20)])
    assert min(bound_violations(lucky, bound)) > 0.05
    cheat = np.maximum(bound, random.random(2000) < 0.1)[None]
    assert bound_violations(np.concatenate([lucky, cheat]), bound)[-1] < 0.001


def test_more_seeds_detect_smaller_differences() -> None:
    assert minimum_detectable_difference(0.01, 10, 10) < minimum_detectable_difference(0.01, 10, 3)


def test_nested_effects_separate_the_two_factors() -> None:
    cells = {"small": [[1.0, 1.1], [2.0, 2.1]], "large": [[1.0, 1.1], [2.0, 2.1]]}
    found = nested_effects(cells)
    assert found is not None
    assert found.outer_f == pytest.approx(0, abs=1e-9)
    assert found.inner_p is not None
    assert found.inner_p < 0.001
    assert nested_effects({"small": [[1.0]], "large": [[2.0]]}) is None


@given(st.floats(0.1, 500), st.floats(0.1, 500), st.floats(0, 1))
def test_incomplete_beta_agrees_with_scipy(a: float, b: float, x: float) -> None:
    assert distributions.incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-13)


@given(st.integers(1, 200), st.floats(0.5, 0.9999))
def test_student_quantiles_agree_with_scipy(freedom: int, share: float) -> None:
    assert distributions.student_quantile(share, freedom) == pytest.approx(
        special.stdtrit(freedom, share), rel=1e-7, abs=1e-6
    )


@given(st.floats(0, 50), st.integers(1, 30), st.integers(1, 100))
def test_f_tails_agree_with_scipy(f: float, numerator: int, denominator: int) -> None:
    found = distributions.f_tail(f, numerator, denominator)
    assert found == pytest.approx(special.fdtrc(numerator, denominator, f), rel=1e-7)


def test_binomial_tails_of_large_counts_agree_with_scipy() -> None:
    for successes, trials in ((0, 0), (1, 1), (5_000, 9_800), (51_000, 100_000)):
        exact = special.bdtrc(successes - 1, trials, 0.5) if successes else 1.0
        assert distributions.binomial_tail(successes, trials) == pytest.approx(exact, rel=1e-8)
