"""The precision of the forward and backward pass."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from fieldmark.config.recipe import RecipeConfig

HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Precision:
    """What a recipe's precision means on a device.

    Attributes:
        dtype: of weights, inputs and loss: float32, or float64 where asked for; half precision is autocast's.
    """

    def __init__(self, config: RecipeConfig, device: str) -> None:
        """Takes the recipe's `precision`."""
        self.dtype = torch.float64 if config.precision == "float64" else torch.float32
        self._half = HALF.get(config.precision)
        self._device = torch.device(device).type

    def convert(self, model: nn.Module) -> None:
        """Converts a model in place; what it holds in float64 for reasons of its own stays so."""
        if self.dtype == torch.float64:
            model.double()

    def forward(self) -> AbstractContextManager[object]:
        """Returns the context of a forward pass."""
        if self._half is None:
            return nullcontext()
        return torch.autocast(self._device, dtype=self._half)

    def of_loss(self, logits_BC: Tensor) -> Tensor:
        """Returns logits in the loss's precision."""
        return logits_BC.to(self.dtype)

    def scaler(self) -> torch.amp.GradScaler:
        """Returns a loss scaler; only float16 needs one, for the others it does nothing."""
        return torch.amp.GradScaler(self._device, enabled=self._half == torch.float16)
