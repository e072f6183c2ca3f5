"""The optimiser of a recipe (SPEC section 5)."""

from collections.abc import Iterable

import torch
from torch import nn

from fieldmark.config.recipe import RecipeConfig

EMBEDDINGS = ("pos_embed", "cls_token")
"""In the names of position embeddings and class tokens."""


def build_optimiser(config: RecipeConfig, model: nn.Module, *, fused: bool = False) -> torch.optim.Optimizer:
    """Returns SGD or AdamW over the trainable parameters.

    With `fused`, one call moves all of them: for small models, whose step would take longer than their gradient.

    Without `decay_all`, these do not decay: vectors and scalars, position embeddings, class tokens, and parameters that
    a module names in `no_weight_decay()`, as timm's networks do.
    """
    groups = list(_groups(config, model))
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, fused=fused or None)
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.momentum, 0.999), fused=fused or None)


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Sets the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def _groups(config: RecipeConfig, model: nn.Module) -> Iterable[dict[str, object]]:
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    spared = set() if config.decay_all else _spared(model)
    yield {"params": [trained[name] for name in trained if name not in spared], "weight_decay": config.weight_decay}
    if not config.decay_all:
        yield {"params": [trained[name] for name in trained if name in spared], "weight_decay": 0.0}


def _spared(model: nn.Module) -> set[str]:
    """Returns the names of vectors and scalars, of position embeddings and class tokens, and what modules ask for."""
    asked = {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in model.named_modules()
        for name in getattr(module, "no_weight_decay", tuple)()
    }
    return asked | {
        name
        for name, parameter in model.named_parameters()
        if parameter.ndim <= 1 or any(part in name for part in EMBEDDINGS)
    }
