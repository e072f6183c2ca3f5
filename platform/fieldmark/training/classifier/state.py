"""What a checkpoint holds: plain values and tensors, so that it loads with `weights_only=True`.

Random states are not among it: every draw comes from the seed and its place in the training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fieldmark.models.classifier import Classifier
from fieldmark.training.classifier.step import Stepper


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

    def next_epoch(self) -> None:
        """Begins a new epoch."""
        self.epoch += 1
        self.step = 0
        self.loss_sum.zero_()


def state_of(progress: Progress, model: Classifier, stepper: Stepper) -> dict[str, Any]:
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


def restore(state: Mapping[str, Any], progress: Progress, stepper: Stepper) -> None:
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
