"""From pixels to what networks were pretrained on: ImageNet's mean and standard deviation or halves, on the device."""

from functools import cache
from typing import TYPE_CHECKING

from fieldmark.config.classifier import Normalisation

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Colour = tuple[float, float, float]
"""Of red, green and blue in [0, 1]."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
FIGURES: dict[Normalisation, tuple[Colour, Colour]] = {
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Mean and spread by the configuration's name for them."""


def pixels_to_float(image_B3RR: "Tensor", dtype: "torch.dtype", normalisation: Normalisation = "imagenet") -> "Tensor":
    """Returns pixels less a mean by a spread, where they are, channels-last in memory.

    Args:
        image_B3RR: uint8 (B, 3, R, R).
        dtype: Of the result; below float32 it is rounded once, at the end.
        normalisation: Which mean and spread.
    """
    import torch

    batch, channels, height, width = image_B3RR.shape
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    mean_R3, scale_R3 = _row_constants(normalisation, width, wide, image_B3RR.device)
    # Whole rows at a time: an innermost loop of three channels is several times slower.
    rows = image_B3RR.permute(0, 2, 3, 1).reshape(batch * height, width * channels)
    normalised = rows.to(wide).sub_(mean_R3).mul_(scale_R3).to(dtype)
    return normalised.view(batch, height, width, channels).permute(0, 3, 1, 2)


@cache
def _row_constants(
    normalisation: Normalisation, width: int, dtype: "torch.dtype", device: "torch.device"
) -> tuple["Tensor", "Tensor"]:
    import torch

    mean, std = FIGURES[normalisation]
    mean_3 = torch.tensor(mean, dtype=torch.float64) * 255
    scale_3 = 1 / (torch.tensor(std, dtype=torch.float64) * 255)
    return mean_3.repeat(width).to(device, dtype), scale_3.repeat(width).to(device, dtype)
