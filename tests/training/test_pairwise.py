"""Sums in pairs: the same bits for whoever holds the groups."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.training.classifier.pairwise import PairwiseSum


def summed(values):
    """Adds tensors as one worker does."""
    before, last = PairwiseSum(), values[-1].clone()
    for value in values[:-1]:
        before.add([value.clone()])
    before.add_to([last])
    return last


@given(st.integers(0, 5), st.data())
def test_any_share_of_a_power_of_two_gives_the_same_bits(height, data):
    groups = 2**height
    values = list(torch.randn(groups, 50, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99)))))
    workers = 2 ** data.draw(st.integers(0, height))
    each = groups // workers
    shares = [summed(values[start : start + each]) for start in range(0, groups, each)]
    while len(shares) > 1:  # as workers do: each with its neighbour, then pair with pair
        shares = [one + other for one, other in zip(shares[::2], shares[1::2], strict=True)]
    assert torch.equal(shares[0], summed(values))


@given(st.integers(1, 40))
def test_any_number_of_groups_is_summed(groups):
    values = [torch.full((3,), 2.0**-i, dtype=torch.float64) for i in range(groups)]
    assert torch.equal(summed(values), torch.stack(values).sum(dim=0))


def test_a_part_of_the_list_is_summed_by_its_positions():
    before = PairwiseSum()
    before.add([torch.tensor([1.0]), torch.tensor([10.0])])
    last = torch.tensor([0.5])
    before.add_to([last], which=[1])
    assert last.item() == 10.5
