"""What a checkpoint holds: plain values and tensors, so that it loads with `weights_only=True`.

Random states are not among it: every draw comes from the seed and its place in the training.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Stepping(Protocol):
    """What makes the steps of a training, and has a state of its own."""

    @property
    def optimiser(self) -> torch.optim.Optimizer:
        """Moves the weights."""
        ...

    @property
    def scaler(self) -> torch.amp.GradScaler:
        """Scales the loss."""
        ...


@dataclass(slots=True)
class Progress:
    """How far a training is."""

    loss_sum: Tensor
    """float64 scalar on the device: the sum of the losses of this epoch's finished steps."""
    epoch: int = 0
    """Finished epochs."""
    step: int = 0
    """Finished steps of the epoch that runs."""

    @property
    def mean_loss(self) -> float:
        """Mean over the finished steps of this epoch, 0 before the first; waits for the device."""
        return float(self.loss_sum) / max(self.step, 1)

    def finite_loss(self) -> float:
        """Returns the mean loss; the same on all workers, so all raise together.

        Raises:
            FloatingPointError: it is no number.
        """
        loss = self.mean_loss
        if not math.isfinite(loss):
            raise FloatingPointError(f"the training loss is {loss} in epoch {self.epoch + 1}: try a smaller lr")
        return loss

    def next_epoch(self) -> None:
        """Begins a new epoch."""
        self.epoch += 1
        self.step = 0
        self.loss_sum.zero_()


def state_of(progress: Progress, model: nn.Module, stepper: Stepping) -> dict[str, Any]:
    """Returns the state between two steps; on a CPU its tensors are the live ones, so save it before the next."""
    found: dict[str, Any] = _on_cpu(
        {
            "epoch": progress.epoch,
            "step": progress.step,
            "loss_sum": float(progress.loss_sum),
            "model": model.state_dict(),
            "optimiser": stepper.optimiser.state_dict(),
            "scaler": stepper.scaler.state_dict(),
        }
    )
    return found


def restore(state: Mapping[str, Any], progress: Progress, stepper: Stepping) -> None:
    """Takes over a state; the model's weights were loaded before, so that everything made from it has them."""
    progress.epoch, progress.step = state["epoch"], state["step"]
    progress.loss_sum.fill_(state["loss_sum"])
    stepper.optimiser.load_state_dict(state["optimiser"])
    stepper.scaler.load_state_dict(state["scaler"])


def _on_cpu(value: Any) -> Any:
    """Copies tensors off a GPU: each of several workers would otherwise load them onto the one they came from."""
    if isinstance(value, torch.Tensor):
        return value.cpu()
    if isinstance(value, Mapping):
        return {key: _on_cpu(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_on_cpu(one) for one in value]
    return value
