"""Running statistics of batch norm that do not depend on how groups are spread over steps, workers or time.

Each batch-norm group normalises by its own statistics. In plain PyTorch each forward pass moves the running ones, so
that their values depend on how many groups a worker sees. Here a *step* moves them once, by the mean over the
statistics of all groups of the global batch.
"""

import torch
from torch import Tensor, nn


class RunningStatistics:
    """Collects the groups' statistics of a model's batch-norm layers and keeps their running averages.

    Until `release` the layers' own buffers hold the statistics of the last group (a momentum of 1); `publish` writes
    the running ones there.
    """

    def __init__(self, model: nn.Module) -> None:
        """Takes charge of the layers that are in training mode."""
        self._momentum: dict[nn.modules.batchnorm._BatchNorm, float] = {}
        self._buffers: list[Tensor] = []
        for layer in model.modules():
            if not (isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training):
                continue
            if layer.running_mean is None or layer.running_var is None:
                continue
            assert layer.momentum is not None, "a cumulative average is not offered"
            self._momentum[layer] = layer.momentum
            self._buffers += [layer.running_mean, layer.running_var]
            layer.momentum = 1.0
        kept = [torch.full_like(layer.running_mean, value) for layer, value in self._momentum.items()]  # type: ignore[arg-type]
        self._weight_S = torch.cat([weight for one in kept for weight in (one, one)] or [torch.zeros(0)])
        self._running_S = torch.cat(self._buffers or [torch.zeros(0)])

    @property
    def size(self) -> int:
        """S, the number of statistics."""
        return len(self._running_S)

    def of_group(self, like: Tensor) -> Tensor:
        """Returns the means and unbiased variances (S) of the group that went through last, in `like`'s type."""
        return torch.cat(self._buffers).to(like.dtype) if self._buffers else like.new_zeros(0)

    def update(self, mean_S: Tensor) -> None:
        """Moves the running statistics by the layers' momentum towards the mean over a step's groups."""
        if self._buffers:
            self._running_S.lerp_(mean_S, self._weight_S)

    def publish(self, steps: int) -> None:
        """Writes the running statistics into the model, as those after so many steps."""
        start = 0
        for buffer in self._buffers:
            buffer.copy_(self._running_S[start : start + len(buffer)])
            start += len(buffer)
        for layer in self._momentum:
            if layer.num_batches_tracked is not None:
                layer.num_batches_tracked.fill_(steps)

    def release(self) -> None:
        """Gives the layers their own momentum back."""
        for layer, momentum in self._momentum.items():
            layer.momentum = momentum
