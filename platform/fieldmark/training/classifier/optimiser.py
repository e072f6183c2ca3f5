"""The optimiser of a recipe (SPEC section 5)."""

from collections.abc import Iterable

import torch
from torch import nn

from fieldmark.config.recipe import RecipeConfig


def build_optimiser(config: RecipeConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Returns SGD or AdamW over the trainable parameters; without `decay_all` vectors and scalars do not decay."""
    groups = list(_groups(config, [p for p in model.parameters() if p.requires_grad]))
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.momentum, 0.999))


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def _groups(config: RecipeConfig, parameters: list[nn.Parameter]) -> Iterable[dict[str, object]]:
    if config.decay_all:
        yield {"params": parameters, "weight_decay": config.weight_decay}
        return
    yield {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay}
    yield {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0}
