"""Sums whose last digit does not depend on how many workers share them.

Adding floating-point numbers in another order gives another last digit, and a deep network in float32 makes that a
visible difference within twenty steps. So groups are added in pairs, pairs of pairs, and so on, in their order in the
global batch: a worker that holds 2^k of them holds a whole branch of that tree, and the workers' branches are joined in
the order of their ranks. For numbers of groups and workers that are powers of two, all sums are equal bit for bit.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


class PairwiseSum:
    """Adds lists of tensors one list after another, in pairs."""

    def __init__(self) -> None:
        """Holds nothing."""
        self._branches: dict[int, list[Tensor]] = {}

    def add(self, values: list[Tensor]) -> None:
        """Adds a list that is not the last; the tensors become this sum's own, and may change."""
        height = 0
        while height in self._branches:
            branch = self._branches.pop(height)
            torch._foreach_add_(branch, values)
            values, height = branch, height + 1
        self._branches[height] = values

    def add_to(self, values: list[Tensor], which: Sequence[int] | None = None) -> None:
        """Adds all that was added before to the last list, in place.

        Args:
            values: the last list, or some tensors of it.
            which: their positions in the list; None: all of it, in order.
        """
        for height in sorted(self._branches):
            branch = self._branches[height]
            torch._foreach_add_(values, branch if which is None else [branch[position] for position in which])

    def clear(self) -> None:
        """Forgets everything, for the next step."""
        self._branches.clear()
