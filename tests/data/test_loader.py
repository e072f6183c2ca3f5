"""Batches of pictures: in order, the same from any number of processes, and nothing left behind."""

import multiprocessing
import os
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from fieldmark.config.recipe import RecipeConfig
from fieldmark.data.images.loader import PictureError, batches
from fieldmark.data.images.transforms import evaluation_transform, training_transform
from fieldmark.errors import UserError

TRAIN = training_transform(RecipeConfig(rand_augment=9, random_erasing=0.25), 16)
Batches = Sequence[Sequence[tuple[int, int]]]


class Made:
    """Pictures that tell their position; two cannot be had."""

    def __len__(self) -> int:
        return 50

    def image(self, position: int) -> Tensor:
        if position == 13:
            raise OSError("the disk is gone")
        if position == 14:
            raise UserError("14.jpg: truncated")
        return (torch.arange(3 * 20 * 24).reshape(20, 24, 3) * (position + 1) % 256).to(torch.uint8).permute(2, 0, 1)


class Seen:
    """A transform that shows in which process it runs, and with how many threads."""

    def __call__(self, image: Tensor, seed: int) -> Tensor:
        return torch.tensor([os.getpid() != seed, torch.get_num_threads(), 0], dtype=torch.uint8).view(3, 1, 1)


PAIRS = st.tuples(st.integers(0, 49).filter(lambda position: position not in (13, 14)), st.integers(0, 1 << 62))


@given(st.lists(st.lists(PAIRS, min_size=1, max_size=5), max_size=6))
@settings(max_examples=6)
def test_two_processes_give_the_same_batches_as_none(plan: Batches) -> None:
    here = list(batches(Made(), plan, TRAIN))
    there = list(batches(Made(), iter(plan), TRAIN, processes=2))
    assert [batch.shape[0] for batch in here] == [len(batch) for batch in plan]
    assert all(torch.equal(one, other) for one, other in zip(here, there, strict=True))
    for batch, pairs in zip(there, plan, strict=True):
        assert batch.is_contiguous(memory_format=torch.channels_last) and batch.dtype == torch.uint8
        expected = torch.stack([TRAIN(Made().image(position), seed) for position, seed in pairs])
        assert torch.equal(batch, expected)


def test_evaluation_needs_no_seeds_of_meaning() -> None:
    (batch,) = batches(Made(), [[(4, 0), (2, 0)]], evaluation_transform(16, 0.875))
    assert torch.equal(batch[1], evaluation_transform(16, 0.875)(Made().image(2)))


@pytest.mark.parametrize("processes", [0, 1])
def test_a_picture_that_fails_is_named(processes: int) -> None:
    found = batches(Made(), [[(1, 0)], [(2, 0), (13, 0)]], TRAIN, processes=processes)
    next(found)
    with pytest.raises(PictureError) as raised:
        next(found)
    assert str(raised.value) == "picture 13: OSError: the disk is gone"
    assert "in image" in raised.value.__notes__[0]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("processes", [0, 1])
def test_what_a_user_can_mend_stays_one_line(processes: int) -> None:
    with pytest.raises(UserError) as raised:
        list(batches(Made(), [[(1, 0)], [(14, 0)], [(2, 0)]], TRAIN, processes=processes))
    assert str(raised.value) == "14.jpg: truncated"
    assert not multiprocessing.active_children()


def test_leaving_early_ends_the_processes() -> None:
    found = batches(Made(), ([(position % 10, 0)] for position in range(1_000_000)), TRAIN, processes=2)
    next(found)
    assert len(multiprocessing.active_children()) == 2
    found.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


def test_processes_are_others_with_one_thread_each() -> None:
    here = os.getpid()
    for batch in batches(Made(), [[(0, here)]] * 4, Seen(), processes=2):
        assert batch.flatten().tolist() == [True, 1, 0]


def test_randomness_around_it_is_not_touched() -> None:
    torch.manual_seed(3)
    before = torch.rand(2)
    torch.manual_seed(3)
    list(batches(Made(), [[(0, 1)], [(2, 3)]], TRAIN, processes=1))
    assert torch.equal(torch.rand(2), before)
