"""Which records an epoch shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.data.sampling import epoch_order, shown_counts

labels = st.lists(st.integers(0, 6), min_size=1, max_size=60).map(lambda x: np.array(x, dtype=np.int32))


@pytest.mark.parametrize(("cap", "counts"), [(50, [5, 50, 50]), (100, [5, 100, 90])])
def test_the_official_sampler_s_counts(cap, counts):
    """oracles/priorsnet.json: categories of 5, 130 and 90 records."""
    category = np.repeat(np.arange(3, dtype=np.int32), [5, 130, 90])
    shown = epoch_order(category, cap, seed=0, epoch=0)
    assert np.bincount(category[shown]).tolist() == counts == shown_counts(category, cap, 3).tolist()
    assert len(shown) == sum(counts)


@settings(deadline=None)
@given(labels, st.integers(0, 2**31), st.integers(0, 50))
def test_a_cap_that_binds_nowhere_is_no_cap(category, seed, epoch):
    largest = int(np.bincount(category).max())
    without = epoch_order(category, None, seed=seed, epoch=epoch)
    np.testing.assert_array_equal(epoch_order(category, largest, seed=seed, epoch=epoch), without)
    assert sorted(without) == list(range(len(category)))


@settings(deadline=None)
@given(labels, st.integers(1, 20), st.integers(0, 2**31))
def test_no_record_twice_and_exactly_the_capped_counts(category, cap, seed):
    shown = epoch_order(category, cap, seed=seed, epoch=3)
    assert len(set(shown.tolist())) == len(shown)
    np.testing.assert_array_equal(np.bincount(category[shown], minlength=7), shown_counts(category, cap, 7))


def test_seed_and_epoch_alone_decide():
    category = np.repeat(np.arange(4, dtype=np.int32), 40)
    first = epoch_order(category, 10, seed=1, epoch=2)
    np.testing.assert_array_equal(first, epoch_order(category, 10, seed=1, epoch=2))
    for seed, epoch in [(1, 3), (2, 2), (2, 1)]:
        assert set(first) != set(epoch_order(category, 10, seed=seed, epoch=epoch))


def test_over_the_epochs_every_record_is_drawn_equally_often_and_anywhere():
    """A large category's few must neither be the same ones every epoch nor stand at the front."""
    category = np.repeat(np.array([0, 1], dtype=np.int32), [400, 20])
    orders = [epoch_order(category, 20, seed=0, epoch=epoch) for epoch in range(400)]
    drawn = np.bincount(np.concatenate(orders), minlength=420)[:400]
    assert abs(drawn.mean() - 20) < 1e-9
    assert drawn.std() == pytest.approx(np.sqrt(400 * 0.05 * 0.95), rel=0.2)
    position_of_large = np.concatenate([np.flatnonzero(category[order] == 0) for order in orders])
    assert position_of_large.mean() == pytest.approx(19.5, abs=4 * 11.5 / np.sqrt(8000))


def test_half_a_million_records_are_quick():
    import time

    category = np.random.default_rng(0).integers(0, 10_000, 500_000).astype(np.int32)
    start = time.process_time()
    epoch_order(category, 50, seed=0, epoch=0)
    assert time.process_time() - start < 3
