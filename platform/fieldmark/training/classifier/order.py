"""Which record is trained on when, and by which worker."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fieldmark.config.recipe import RecipeConfig
from fieldmark.data.observations import Indices
from fieldmark.errors import UserError
from fieldmark.training.classifier.randomness import ORDER, draws, picture_seeds
from fieldmark.training.classifier.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An epoch is a permutation of the labelled records, and step s takes its s-th global batch.

    Worker r of W takes the r-th of W equal, contiguous slices of that, cut into units that are loaded and mixed
    together. What is random belongs to groups by their place in the global batch, so a worker takes whole groups.
    """

    record_N: Indices
    """Positions of the labelled records in their part."""
    seed: int
    batch: int
    unit: int
    """Pictures of a unit: the least that holds whole batch-norm groups and whole mixup groups."""
    workers: Workers

    @classmethod
    def of(cls, config: RecipeConfig, category_N: NDArray[np.int32], seed: int, workers: Workers) -> Self:
        """Returns the order of a training.

        Raises:
            UserError: there are fewer labelled records than the batch has, or the batch cannot be split evenly.
        """
        record_N = np.flatnonzero(category_N >= 0)
        if len(record_N) < config.batch:
            raise UserError(
                f"batch {config.batch} is larger than the training part, which has {len(record_N)} labelled pictures: "
                "set a smaller batch"
            )
        unit = math.lcm(config.bn_batch, config.mixup_group)
        units = config.batch // unit
        if units % workers.size:
            possible = ", ".join(str(size) for size in range(1, units + 1) if units % size == 0)
            raise UserError(
                f"workers {workers.size}: batch {config.batch} is not so many times whole groups of bn_batch "
                f"{config.bn_batch} and mixup_group {config.mixup_group}; numbers of workers that work: {possible}"
            )
        return cls(record_N=record_N, seed=seed, batch=config.batch, unit=unit, workers=workers)

    @property
    def steps(self) -> int:
        """Steps an epoch; the records left over wait for another epoch's permutation."""
        return len(self.record_N) // self.batch

    @property
    def share(self) -> int:
        """Pictures of a global batch that this worker takes."""
        return self.batch // self.workers.size

    def records(self, epoch: int, first_step: int = 0) -> Iterator[Indices]:
        """Yields the records of this worker's units of an epoch, from a step on."""
        shuffled_N = self.record_N[draws(ORDER, self.seed, epoch).permutation(len(self.record_N))]
        for step in range(first_step, self.steps):
            begin = step * self.batch + self.workers.rank * self.share
            for start in range(begin, begin + self.share, self.unit):
                yield shuffled_N[start : start + self.unit]

    def plan(self, epoch: int, first_step: int = 0) -> Iterator[list[tuple[int, int]]]:
        """Yields the same as (record, seed of its augmentation), for the loader."""
        for record_U in self.records(epoch, first_step):
            yield list(zip(record_U.tolist(), picture_seeds(self.seed, epoch, record_U).tolist(), strict=True))
