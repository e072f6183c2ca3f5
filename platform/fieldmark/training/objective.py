"""PriorsNet's training objective: which loss a configuration asks for (SPEC 2.2)."""

import torch
from torch import Tensor

from fieldmark.config import PriorsNetConfig
from fieldmark.models.fused_loss import CHUNK_ELEMENTS, fused_object_term, fused_presence_loss
from fieldmark.models.presence_loss import photographer_place_term
from fieldmark.models.priorsnet import PriorsNet
from fieldmark.models.sampled_loss import draw_categories, sampled_object_term, sampled_presence_loss

GPU_CHUNK_ELEMENTS = 2**24
"""On a GPU a chunk need not fit a cache, and small ones would leave it idle."""


def batch_loss(
    model: PriorsNet,
    x_BF: Tensor,
    background_RF: Tensor,
    category_B: Tensor,
    user_B: Tensor | None,
    config: PriorsNetConfig,
) -> Tensor:
    """Returns the loss of one batch, a scalar with gradients; the sampled loss draws from torch's CPU generator.

    Args:
        model: the network, in training mode for dropout to be active.
        x_BF: inputs of the observations.
        background_RF: inputs of the background points.
        category_B: int64 categories.
        user_B: int64 photographers, or None without the photographer terms.
        config: names the loss, its sample sizes and lambda.
    """
    features_BW, background_RW = model.feats(torch.cat([x_BF, background_RF])).split([len(x_BF), len(background_RF)])
    class_emb_CW = model.class_emb.weight
    weight = positive_weight(config, len(class_emb_CW))
    user_BW = None if user_B is None or model.user_emb is None else model.user_emb.weight.index_select(0, user_B)
    user_class = torch.zeros((), device=x_BF.device)
    if config.loss == "sampled":
        drawn_K = draw_categories(len(class_emb_CW), config.sampled_categories).to(x_BF.device)
        loss = sampled_presence_loss(features_BW, background_RW, class_emb_CW, category_B, weight, drawn_K=drawn_K)
        if user_BW is not None:
            user_class = sampled_object_term(user_BW, class_emb_CW, category_B, weight, drawn_K=drawn_K)
    else:
        chunk = GPU_CHUNK_ELEMENTS if x_BF.is_cuda else CHUNK_ELEMENTS
        loss = fused_presence_loss(features_BW, background_RW, class_emb_CW, category_B, weight, chunk_elements=chunk)
        if user_BW is not None:
            user_class = fused_object_term(user_BW, class_emb_CW, category_B, weight, chunk_elements=chunk)
    if user_BW is None:
        return loss
    return loss + photographer_place_term(features_BW, background_RW, user_BW) + user_class


def positive_weight(config: PriorsNetConfig, categories: int) -> float:
    """Returns lambda: as configured, else the number of categories."""
    return float(categories) if config.positive_weight is None else config.positive_weight


def background_points(config: PriorsNetConfig, batch: int) -> int:
    """Returns how many background points R stand against a batch of that size."""
    return batch if config.loss == "exact" else max(1, round(config.sampled_background * batch))
