"""The precision of the forward and backward pass."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

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

    def exact(self) -> AbstractContextManager[None]:
        """Returns the context of a training: on a GPU, float32 and float64 are not rounded further."""
        full = self._half is None and self._device == "cuda"
        return full_and_repeatable() if full else nullcontext()

    def of_loss(self, logits_BC: Tensor) -> Tensor:
        """Returns logits in the loss's precision."""
        return logits_BC.to(self.dtype)

    def scaler(self) -> torch.amp.GradScaler:
        """Returns a loss scaler; only float16 needs one, for the others it does nothing."""
        return torch.amp.GradScaler(self._device, enabled=self._half == torch.float16)


@contextmanager
def full_and_repeatable() -> Iterator[None]:
    """Switches TF32 off, and cuDNN to kernels that give the same bits every time; and back again at the end.

    The switches are torch's, for the whole process.
    """
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.deterministic
    try:
        _switch("highest", tf32=False, deterministic=True)
        yield
    finally:
        _switch(before[0], tf32=before[1], deterministic=before[2])


def _switch(products: str, *, tf32: bool, deterministic: bool) -> None:
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.deterministic = deterministic
