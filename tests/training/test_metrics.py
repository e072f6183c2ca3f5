"""Figures of merit: brute force, invariances and ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fieldmark.training.metrics import TOP, Scored, metrics


@st.composite
def scores_and_categories(draw):
    n, c = draw(st.integers(1, 8)), draw(st.integers(1, 12))
    # Few distinct values, so that ties are common; every row has a score above zero.
    scores = draw(hnp.arrays(np.float32, (n, c), elements=st.integers(0, 4).map(np.float32))) + np.float32(1)
    return scores, draw(hnp.arrays(np.int32, n, elements=st.integers(0, c - 1)))


def brute_force(scores_C, true):
    """Averages over every position the true category may take among the tied ones."""
    above = sum(score > scores_C[true] for score in scores_C)
    tied = sum(score == scores_C[true] for score in scores_C)
    positions = range(above + 1, above + tied + 1)
    hits = {k: np.mean([position <= k for position in positions]) for k in TOP}
    return np.mean(positions), np.mean([1 / position for position in positions]), hits


@given(scores_and_categories())
def test_every_figure_is_the_average_over_the_orders_of_tied_categories(case):
    scores_NC, category_N = case
    scored = metrics(scores_NC, category_N)

    for i, (row, true) in enumerate(zip(scores_NC.tolist(), category_N.tolist(), strict=True)):
        rank, reciprocal, hits = brute_force(row, true)
        assert scored.rank_N[i] == pytest.approx(rank)
        assert scored.reciprocal_N[i] == pytest.approx(reciprocal)
        assert scored.probability_N[i] == pytest.approx(row[true] / sum(row))
        for k in TOP:
            assert scored.hit_N(k)[i] == pytest.approx(hits[k])


@given(scores_and_categories(), st.randoms(use_true_random=False))
def test_renaming_categories_changes_nothing(case, random):
    scores_NC, category_N = case
    order = list(range(scores_NC.shape[1]))
    random.shuffle(order)

    renamed = metrics(scores_NC[:, order], np.argsort(order)[category_N].astype(np.int32))

    assert renamed.metrics() == pytest.approx(metrics(scores_NC, category_N).metrics())


@given(scores_and_categories(), st.sampled_from([np.square, np.sqrt, np.exp, lambda x: 3 * x + 1]))
def test_ranks_survive_any_increasing_transform(case, transform):
    scores_NC, category_N = case
    one, other = metrics(scores_NC, category_N), metrics(transform(scores_NC), category_N)

    assert np.array_equal(one.rank_N, other.rank_N)
    assert np.array_equal(one.hit_N(3), other.hit_N(3))


def test_uniform_scores_get_chance_credit():
    found = metrics(np.ones((6, 20), np.float32), np.arange(6, dtype=np.int32)).metrics()

    assert found["top1"] == pytest.approx(1 / 20)
    assert found["top5"] == pytest.approx(5 / 20)
    assert found["mrr"] == pytest.approx(np.mean(1 / np.arange(1, 21)))
    assert found["log_loss"] == pytest.approx(np.log(20))


def test_records_without_a_category_are_left_out_and_rows_of_zeros_are_ties():
    scores = np.array([[0.9, 0.1], [0.0, 0.0], [0.2, 0.8]], np.float32)

    scored = metrics(scores, np.array([-1, 0, 1], np.int32))

    assert len(scored) == 2
    assert scored.hit_N(1).tolist() == [0.5, 1.0]
    assert scored.probability_N == pytest.approx([0.5, 0.8])


def test_an_impossible_category_costs_a_finite_log_loss():
    found = metrics(np.array([[1.0, 0.0]], np.float32), np.array([1], np.int32)).metrics()

    assert found["log_loss"] == pytest.approx(np.log(1e12))


def test_a_diverged_method_gets_no_figures():
    with pytest.raises(FloatingPointError, match="not finite"):
        metrics(np.array([[1.0, np.nan]], np.float32), np.array([0], np.int32))


def test_no_records_give_no_figures_rather_than_zeros():
    found = metrics(np.ones((2, 3), np.float32), np.array([-1, -1], np.int32))

    assert len(found) == 0
    assert all(np.isnan(value) for value in found.metrics().values())


def test_chunks_are_joined_in_order():
    generator = np.random.default_rng(1)
    scores, category = generator.random((5000, 6), np.float32), generator.integers(0, 6, 5000, np.int32)
    whole = metrics(scores, category)
    halves = Scored.join([metrics(scores[:17], category[:17]), metrics(scores[17:], category[17:])])

    assert np.array_equal(whole.greater_N, (scores > scores[np.arange(5000), category][:, None]).sum(axis=1))
    assert np.array_equal(whole.rank_N, halves.rank_N)
    assert np.array_equal(whole.probability_N, halves.probability_N)
