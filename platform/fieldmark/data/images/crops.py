"""Several crops of one picture, whose scores are averaged: ten (Krizhevsky et al. 2012) and twelve (SPEC 6.3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fieldmark.config.view import Crops
from fieldmark.data.images.loader import Transform
from fieldmark.data.images.transforms import (
    check_exact,
    cropped_from,
    evaluation_transform,
    middle,
    resized,
    with_shorter_side,
)

if TYPE_CHECKING:
    from torch import Tensor

COUNTS: dict[Crops, int] = {"center": 1, "ten": 10, "twelve": 12}
"""Crops of a picture."""


@dataclass(frozen=True, slots=True)
class CropsTransform:
    """The four corners, the centre, perhaps the whole, and all of them mirrored; see `crops_transform`."""

    resolution: int
    center_share: float
    exact: bool
    whole: bool

    def __call__(self, image: "Tensor", seed: int = 0) -> "Tensor":
        """Takes uint8 (3, H, W), returns uint8 (3, K R, R): the crops one above the other."""
        import torch

        side, shorter = self.resolution, cropped_from(self.resolution, self.center_share)
        check_exact(self.exact, image, shorter)
        scaled = with_shorter_side(image, shorter)
        crops = [scaled[:, :side, :side], scaled[:, :side, -side:], scaled[:, -side:, :side], scaled[:, -side:, -side:]]
        crops.append(middle(scaled, side))
        if self.whole:
            crops.append(resized(image, side, side))
        return torch.cat([*crops, *(crop.flip(-1) for crop in crops)], dim=1)


def crops_transform(crops: Crops, resolution: int, center_share: float, exact: bool = False) -> Transform:
    """Returns what makes the crops of a picture, one above the other: (3, H, W) to (3, K R, R).

    Args:
        crops: `center`, K = 1, is the evaluation transform. `ten`: top left, top right, bottom left, bottom right and
            centre of the picture with a shorter side of round(R / center_share), then the five mirrored. `twelve`: with
            the whole picture squeezed into the square after the centre, and all mirrored.
        resolution: Side R of a crop.
        center_share: Share of the shorter side that a crop covers, in (0, 1].
        exact: Whether pictures must have the size already that crops are taken from (R for `center`).
    """
    if crops == "center":
        return evaluation_transform(resolution, center_share, exact)
    return CropsTransform(resolution, center_share, exact, whole=crops == "twelve")


def split_crops(stacked_b3HR: "Tensor") -> "Tensor":
    """Returns a batch of stacked crops (b, 3, K R, R) as (b K, 3, R, R), a picture's crops side by side; no copy."""
    batch, channels, height, side = stacked_b3HR.shape
    rows_bHR3 = stacked_b3HR.permute(0, 2, 3, 1)
    return rows_bHR3.reshape(batch * (height // side), side, side, channels).permute(0, 3, 1, 2)
