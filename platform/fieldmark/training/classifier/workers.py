"""The workers of one training: this process alone, or a group of processes that torch.distributed joins."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from fieldmark.training.classifier.pairwise import pairwise

T = TypeVar("T")

MOST_PAIRWISE = 16
"""Workers up to which every worker gets the parts of all, to add them in one order; more of them add as they come."""


@dataclass(frozen=True, slots=True)
class Workers:
    """This process's place among the workers."""

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> "Workers":
        """Returns this process's place in the group that was made for it (by Ray Train, or by a test)."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls()
        return cls(rank=distributed.get_rank(), size=distributed.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this is worker 0, which reports and saves."""
        return self.rank == 0

    @property
    def pairwise(self) -> bool:
        """Whether sums over the workers have the same last digit as on one worker."""
        return self.size <= MOST_PAIRWISE and self.size & (self.size - 1) == 0

    def sum(self, value: Tensor) -> Tensor:
        """Returns the sum of a tensor over all workers (in place)."""
        if self.size == 1:
            return value
        if not self.pairwise:
            distributed.all_reduce(value)
            return value
        parts = [torch.empty_like(value) for _ in range(self.size)]
        distributed.all_gather(parts, value)
        return value.copy_(pairwise(parts))

    def any(self, flag: bool, device: str = "cpu") -> bool:
        """Whether the flag is set on any worker."""
        return flag if self.size == 1 else bool(self.sum(torch.tensor([int(flag)], device=device)).item())

    def gather(self, value: Any) -> list[Any] | None:
        """Returns the values of all workers, in the order of their ranks, on worker 0; None elsewhere."""
        if self.size == 1:
            return [value]
        found: list[Any] | None = [None] * self.size if self.is_first else None
        distributed.gather_object(value, found)
        return found

    def on_first(self, call: Callable[[], T]) -> T:
        """Returns what a call on worker 0 returned, or raises there and everywhere what it raised.

        So a worker 0 that is asked to stop does not leave the others waiting for it.
        """
        if self.size == 1:
            return call()
        answer: list[Any] = [None, None]
        if self.is_first:
            try:
                answer[0] = call()
            except Exception as error:
                answer[1] = error
        distributed.broadcast_object_list(answer, src=0)
        if answer[1] is not None:
            raise answer[1]
        value: T = answer[0]
        return value
