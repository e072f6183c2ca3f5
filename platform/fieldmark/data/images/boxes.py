"""Random boxes in a picture: crops and erased rectangles, from numbers drawn beforehand."""

import math
from collections.abc import Sequence
from typing import NamedTuple

ATTEMPTS = 10
"""Boxes that are tried; most fit at once."""
DRAWS = 2 * ATTEMPTS + 2
"""Numbers that one box takes, whether or not it needs all."""


class Box(NamedTuple):
    """A rectangle of whole pixels."""

    top: int
    left: int
    height: int
    width: int


def random_box(
    height: int, width: int, *, area: tuple[float, float], ratio: tuple[float, float], draws: Sequence[float]
) -> Box | None:
    """Returns a random box in a picture, distributed as in torchvision's RandomResizedCrop and RandomErasing.

    Args:
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        area: Smallest and largest share of the picture; uniform between them.
        ratio: Smallest and largest width / height; uniform in the logarithm.
        draws: DRAWS numbers in [0, 1).

    Returns:
        The box, or None if none of ATTEMPTS fits.
    """
    low, span = math.log(ratio[0]), math.log(ratio[1] / ratio[0])
    for attempt in range(ATTEMPTS):
        pixels = height * width * (area[0] + (area[1] - area[0]) * draws[2 * attempt])
        shape = math.exp(low + span * draws[2 * attempt + 1])
        box_width, box_height = round(math.sqrt(pixels * shape)), round(math.sqrt(pixels / shape))
        if 0 < box_width <= width and 0 < box_height <= height:
            top, left = int(draws[-2] * (height - box_height + 1)), int(draws[-1] * (width - box_width + 1))
            return Box(top, left, box_height, box_width)
    return None


def middle_box(height: int, width: int, *, ratio: tuple[float, float]) -> Box:
    """Returns the largest central box whose sides' ratio is allowed: torchvision's answer where no random one fits."""
    box_width, box_height = min(width, round(height * ratio[1])), min(height, round(width / ratio[0]))
    return Box((height - box_height) // 2, (width - box_width) // 2, box_height, box_width)
