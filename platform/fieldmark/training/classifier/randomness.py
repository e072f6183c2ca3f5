"""Where a training's random draws come from: every one from the seed and what it is for, none from what went before.

So no draw depends on the number of workers, on how often a training was cut off, or on the draws of others (SCIENCE
rule 17).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

INITIAL, ORDER, PICTURE, MIXING, FORWARD, VIEW = 1, 2, 3, 4, 5, 6
"""What a draw is for: the first weights, an epoch's order, a picture's augmentation, a mixup group, dropout and
stochastic depth of a batch-norm group, and the augmentation of a view whose features are cached."""


def draws(stream: int, *key: int) -> np.random.Generator:
    """Returns the generator of one purpose and key, e.g. `draws(ORDER, seed, epoch)`."""
    return np.random.default_rng((stream, *key))


def seed_of(stream: int, *key: int) -> int:
    """Returns a seed in [0, 2^63) for a purpose and key."""
    return int(np.random.SeedSequence((stream, *key)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def picture_seeds(seed: int, epoch: int, record_n: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns a seed in [0, 2^63) for each record's augmentation in an epoch (Steele et al. 2014, SplitMix64)."""
    mixed_n = np.uint64(seed_of(PICTURE, seed, epoch)) + (record_n.astype(np.uint64) + np.uint64(1)) * np.uint64(
        0x9E3779B97F4A7C15
    )
    mixed_n = (mixed_n ^ (mixed_n >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed_n = (mixed_n ^ (mixed_n >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed_n ^ (mixed_n >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)


@contextmanager
def own_generators(device: str) -> Iterator[None]:
    """Leaves torch's generators, which the block seeds as it likes, as they were before."""
    gpus = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        yield
