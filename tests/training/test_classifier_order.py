"""The order of records: what all workers together see does not depend on how many they are."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fieldmark.config.recipe import RecipeConfig
from fieldmark.errors import UserError
from fieldmark.training.classifier.order import Order
from fieldmark.training.classifier.randomness import picture_seeds
from fieldmark.training.classifier.workers import Workers


def order(config, n, workers=Workers(), seed=0):  # noqa: B008 - a frozen value
    return Order.of(config, np.zeros(n, np.int32), seed, workers)


@given(
    bn_batch=st.sampled_from([1, 2, 4, 6]),
    mixup_group=st.sampled_from([1, 2, 3, 8]),
    units=st.integers(1, 6),
    workers=st.integers(1, 6),
    records=st.integers(1, 300),
    epoch=st.integers(0, 3),
)
def test_workers_together_see_what_one_sees(bn_batch, mixup_group, units, workers, records, epoch):
    unit = np.lcm(bn_batch, mixup_group)
    config = RecipeConfig(batch=unit * units, bn_batch=bn_batch, mixup_group=mixup_group)
    assume(units % workers == 0 and records >= config.batch)
    alone = list(order(config, records).plan(epoch))
    shares = [list(order(config, records, Workers(rank, workers)).plan(epoch)) for rank in range(workers)]
    each = units // workers
    together = [
        batch
        for step in range(records // config.batch)
        for share in shares
        for batch in share[step * each : (step + 1) * each]
    ]
    assert together == alone
    seen = [record for batch in alone for record, _ in batch]
    assert len(set(seen)) == len(seen) == records // config.batch * config.batch


def test_an_epoch_taken_up_in_the_middle_goes_on_as_it_would_have():
    config = RecipeConfig(batch=8, bn_batch=4, mixup_group=4)
    assert list(order(config, 50).plan(2, first_step=3)) == list(order(config, 50).plan(2))[6:]


def test_epochs_and_seeds_have_orders_and_augmentations_of_their_own():
    config = RecipeConfig(batch=8, bn_batch=4, mixup_group=4)
    plans = [list(order(config, 50, seed=seed).plan(epoch)) for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert plans[0] != plans[1] != plans[2] != plans[0]
    seeds = np.concatenate([picture_seeds(0, epoch, np.arange(5000)) for epoch in range(4)])
    assert len(np.unique(seeds)) == len(seeds) and (seeds >= 0).all()


def test_records_without_a_category_are_left_out():
    category_N = np.where(np.arange(40) % 2, -1, 0).astype(np.int32)
    found = Order.of(RecipeConfig(batch=4, bn_batch=4, mixup_group=4), category_N, 0, Workers())
    assert found.steps == 5
    assert all(record % 2 == 0 for batch in found.plan(0) for record, _ in batch)


def test_numbers_of_workers_that_would_split_a_group_are_refused():
    config = RecipeConfig(batch=96, bn_batch=8, mixup_group=12)
    for workers in (1, 2, 4):
        order(config, 100, Workers(0, workers))
    with pytest.raises(UserError, match=r"workers 3: batch 96.*bn_batch 8.*mixup_group 12.*: 1, 2, 4$"):
        order(config, 100, Workers(0, 3))


def test_a_batch_that_no_epoch_fills_is_refused():
    with pytest.raises(UserError, match=r"batch 64 .* 63 labelled pictures"):
        order(RecipeConfig(batch=64), 63)
