"""An unbiased estimate of the presence loss from a few drawn categories and background points."""

import torch
from torch import Tensor

from fieldmark.models.presence_loss import negative_log


def draw_categories(categories: int, drawn: int) -> Tensor:
    """Returns min(drawn, categories) distinct categories (int64, K), each set as likely, by torch's CPU generator."""
    return torch.randperm(categories)[:drawn]


def sampled_presence_loss(
    features_BW: Tensor,
    background_RW: Tensor,
    class_emb_CW: Tensor,
    category_B: Tensor,
    positive_weight: float,
    *,
    drawn_K: Tensor,
) -> Tensor:
    """Returns an estimate whose expectation over the drawn categories is `presence_loss`, gradients included.

    An observation's own category is always in. Each of the others is drawn with probability K / C and weighs C / K,
    which is what makes the sum over them, and its derivative, unbiased. Fewer background points need no weight: the
    background term is a mean over independent points.

    Args:
        features_BW: encoder output of the observations.
        background_RW: encoder output of the background points.
        class_emb_CW: the category vectors O.
        category_B: int64 categories of the observations.
        positive_weight: lambda, the weight of an observation's own category.
        drawn_K: distinct categories, drawn uniformly without replacement and independently of the batch.
    """
    drawn_KW = class_emb_CW.index_select(0, drawn_K)
    background = negative_log(1 - torch.sigmoid(background_RW @ drawn_KW.T)).mean()
    return background + sampled_object_term(features_BW, class_emb_CW, category_B, positive_weight, drawn_K=drawn_K)


def sampled_object_term(
    features_BW: Tensor, class_emb_CW: Tensor, category_B: Tensor, positive_weight: float, *, drawn_K: Tensor
) -> Tensor:
    """Returns the same kind of estimate of `object_term`."""
    own_B = torch.sigmoid((features_BW * class_emb_CW.index_select(0, category_B)).sum(1))
    absent_BK = negative_log(1 - torch.sigmoid(features_BW @ class_emb_CW.index_select(0, drawn_K).T))
    others_BK = absent_BK.masked_fill(category_B[:, None] == drawn_K, 0.0)
    return positive_weight * negative_log(own_B).mean() / len(class_emb_CW) + others_BK.mean()
