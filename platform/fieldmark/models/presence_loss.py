"""PriorsNet's losses on presences alone, as printed (Mac Aodha et al. 2019, eq. 5 to 8; SPEC 2.2), by autograd.

Every loss here takes the encoder's outputs, not its logits, so that `fused_loss` and `sampled_loss`, which never hold
all logits, have the same signature.
"""

import torch
from torch import Tensor

EPSILON = 1e-5
"""l(p) = -log(p + EPSILON), the authors' guard against log 0."""


def negative_log(p: Tensor) -> Tensor:
    """Returns l(p), elementwise."""
    return -torch.log(p + EPSILON)


def presence_loss(
    features_BW: Tensor, background_RW: Tensor, class_emb_CW: Tensor, category_B: Tensor, positive_weight: float
) -> Tensor:
    """Returns the object term plus the background term, a scalar.

    Args:
        features_BW: encoder output of the observations.
        background_RW: encoder output of the background points.
        class_emb_CW: the category vectors O.
        category_B: int64 categories of the observations.
        positive_weight: lambda, the weight of an observation's own category.
    """
    absent_RC = torch.sigmoid(background_RW @ class_emb_CW.T)
    return object_term(features_BW, class_emb_CW, category_B, positive_weight) + negative_log(1 - absent_RC).mean()


def object_term(features_BW: Tensor, class_emb_CW: Tensor, category_B: Tensor, positive_weight: float) -> Tensor:
    """Returns the mean over (B, C) of lambda * l(p) for the own category and l(1 - p) for every other."""
    p_BC = torch.sigmoid(features_BW @ class_emb_CW.T)
    own_BC = torch.zeros_like(p_BC, dtype=torch.bool).scatter_(1, category_B[:, None], True)
    return torch.where(own_BC, positive_weight * negative_log(p_BC), negative_log(1 - p_BC)).mean()


def photographer_place_term(features_BW: Tensor, background_RW: Tensor, user_BW: Tensor) -> Tensor:
    """Returns the mean of l(s) where the photographer was, plus the mean of l(1 - s) at background points.

    Args:
        features_BW: encoder output of the observations.
        background_RW: encoder output of R <= B background points; the i-th is set against the i-th photographer.
        user_BW: photographer vectors P of the observations.
    """
    there_B = torch.sigmoid((user_BW * features_BW).sum(1))
    elsewhere_R = torch.sigmoid((user_BW[: len(background_RW)] * background_RW).sum(1))
    return negative_log(there_B).mean() + negative_log(1 - elsewhere_R).mean()
