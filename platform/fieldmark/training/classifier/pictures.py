"""Pictures as the network takes them."""

import torch
from torch import Tensor

from fieldmark.config.classifier import Normalisation
from fieldmark.data.images.normalise import pixels_to_float
from fieldmark.training.classifier.execution import Execution


def to_device(image_B3HW: Tensor, dtype: torch.dtype, normalisation: Normalisation, execution: Execution) -> Tensor:
    """Returns uint8 pictures normalised, on the device, in its memory layout; a tensor of its own."""
    layout = torch.channels_last if execution.channels_last else torch.contiguous_format
    normalised_B3HW = pixels_to_float(image_B3HW.to(execution.device, non_blocking=True), dtype, normalisation)
    return normalised_B3HW.contiguous(memory_format=layout)
