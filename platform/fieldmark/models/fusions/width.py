"""How wide a layer must be for a model to reach a number of parameters ("under the same complexity")."""

from bisect import bisect_left
from collections.abc import Callable

import torch
from torch import nn


def parameter_count(make: Callable[[], nn.Module]) -> int:
    """Returns the number of parameters of the module that is made; on the meta device, without their memory."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in make().parameters())


def smallest_width(make: Callable[[int], nn.Module], target: int) -> int:
    """Returns the smallest width, from 1, whose module has at least the target's number of parameters.

    Args:
        make: the module of a width; wider ones have more parameters.
        target: number of parameters.
    """

    def count(width: int) -> int:
        return parameter_count(lambda: make(width))

    upper = 1
    while count(upper) < target:
        upper *= 2
    return bisect_left(range(upper), target, lo=1, key=count)
