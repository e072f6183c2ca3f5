"""The learning rate of every step (SPEC section 5)."""

import math

from fieldmark.config.recipe import RecipeConfig


def learning_rate(config: RecipeConfig, epoch: int, step: int, steps: int) -> float:
    """Returns the rate of one step.

    The warm-up rises from 0, step by step. `cosine_epoch` is the released code's: the cosine of the epoch over all
    epochs, warm-up included, held within the epoch. `cosine` falls step by step from the warm-up's end on.

    Args:
        config: the peak rate, the schedule and its lengths.
        epoch: finished epochs, from 0.
        step: finished steps of this epoch, from 0.
        steps: steps an epoch.
    """
    if epoch < config.warmup_epochs:
        return config.lr * (epoch + step / steps) / config.warmup_epochs
    if config.schedule == "constant":
        return config.lr
    if config.schedule == "cosine_epoch":
        passed = epoch / config.epochs
    else:
        passed = (epoch + step / steps - config.warmup_epochs) / (config.epochs - config.warmup_epochs)
    return config.lr * 0.5 * (1 + math.cos(math.pi * passed))
