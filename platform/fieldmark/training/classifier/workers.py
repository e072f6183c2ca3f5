"""The workers of one training: this process alone, or a group of processes that torch.distributed joins."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import Tensor, distributed

T = TypeVar("T")

MOST_IN_PAIRS = 16
"""Workers up to which sums are made in pairs; more of them add as they come, and differ from one worker by rounding."""


@dataclass(frozen=True, slots=True)
class Workers:
    """This process's place among the workers."""

    rank: int = 0
    size: int = 1
    pairs: tuple[distributed.ProcessGroup | None, ...] = field(default=(), repr=False, compare=False)
    """The groups over which sums are made, one after another: with the neighbour, with the pair beside, and so on, so
    that the last digit is that of one worker (`pairwise`); or one of all workers."""

    @classmethod
    def current(cls) -> "Workers":
        """Returns this process's place in the group that was made for it (by Ray Train, or by a test)."""
        if not (distributed.is_available() and distributed.is_initialized()):
            return cls()
        rank, size = distributed.get_rank(), distributed.get_world_size()
        return cls(rank=rank, size=size, pairs=_pairs(size))

    @property
    def is_first(self) -> bool:
        """Whether this is worker 0, which reports and saves."""
        return self.rank == 0

    def sum(self, value: Tensor) -> Tensor:
        """Returns the sum of a tensor over all workers (in place)."""
        for group in self.pairs:
            distributed.all_reduce(value, group=group)
        return value

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


def _pairs(size: int) -> tuple[distributed.ProcessGroup | None, ...]:
    """Returns this worker's groups; all workers must call it at once."""
    if size == 1:
        return ()
    if size == 2 or size > MOST_IN_PAIRS or size & (size - 1):
        return (None,)  # torch's name for all workers
    mine: list[distributed.ProcessGroup | None] = []
    for distance in (2**level for level in range(size.bit_length() - 1)):
        for first in (one for one in range(size) if not one & distance):
            group = distributed.new_group([first, first | distance])
            if isinstance(group, distributed.ProcessGroup):  # not so for the workers that are outside of it
                mine.append(group)
    return tuple(mine)
