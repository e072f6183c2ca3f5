"""The loss: cross-entropy with smoothed labels, of pictures that may be mixtures of two categories."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor


class Targets(NamedTuple):
    """What B pictures show: a share of one category, and the rest of another."""

    first_B: Tensor
    """int64 categories."""
    second_B: Tensor
    """int64 categories; equal to the first where nothing is mixed."""
    share_B: Tensor
    """The first's share, lambda, in [0, 1]."""


def smoothed_loss(
    logits_BC: Tensor, targets: Targets, smoothing: float, over: Literal["others", "all"] = "others"
) -> Tensor:
    """Returns the mean over the batch of lambda L(first) + (1 - lambda) L(second), a scalar.

    L is the cross-entropy against 1 - `smoothing` on the true category and the rest spread evenly `over` the C - 1
    other categories (the released code of Yang et al. 2022; SPEC section 5) or over all C (Szegedy et al. 2016).
    """
    log_BC = torch.log_softmax(logits_BC, dim=1)
    pair_B2 = -log_BC.gather(1, torch.stack([targets.first_B, targets.second_B], dim=1))
    true_B = torch.lerp(pair_B2[:, 1], pair_B2[:, 0], targets.share_B)  # L is linear in the target, so mix the targets
    if not smoothing:
        return true_B.mean()
    categories = logits_BC.shape[1]
    all_B = -log_BC.sum(dim=1)
    if over == "all":
        return ((1 - smoothing) * true_B + smoothing / categories * all_B).mean()
    return ((1 - smoothing) * true_B + smoothing / max(categories - 1, 1) * (all_B - true_B)).mean()
