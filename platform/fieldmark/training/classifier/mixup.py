"""Mixup and CutMix of pictures *and* encoded metadata (Zhang et al. 2018; Yun et al. 2019; SPEC sections 1 and 5)."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.config.recipe import RecipeConfig
from fieldmark.training.classifier.randomness import MIXING, draws
from fieldmark.training.classifier.smoothing import Targets

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How the pictures of one mixup group are mixed."""

    partner_G: NDArray[np.int64]
    """The position in the group of each picture's partner."""
    share: float
    """Lambda: each picture keeps this share of itself."""
    box: Box | None = None
    """CutMix: top, bottom, left and right of what comes from the partner; None: mixup."""


def draw_mix(config: RecipeConfig, resolution: int, seed: int, step: int, group: int) -> Mix | None:
    """Returns how one group is mixed, or None where the recipe does not mix.

    Args:
        config: the Beta distributions' alphas and the group's size.
        resolution: the pictures' side, in pixels.
        seed: of the run.
        step: steps since the training began, over all epochs.
        group: the group's index within the global batch.
    """
    if not config.mixup and not config.cutmix:
        return None
    generator = draws(MIXING, seed, step, group)
    cut = config.cutmix > 0 and (config.mixup == 0 or generator.random() < 0.5)
    alpha = config.cutmix if cut else config.mixup
    share = float(generator.beta(alpha, alpha))
    partner_G = generator.permutation(config.mixup_group)
    if not cut:
        return Mix(partner_G=partner_G, share=share)
    box = _box(generator, resolution, share)
    area = (box[1] - box[0]) * (box[3] - box[2])
    return Mix(partner_G=partner_G, share=1 - area / resolution**2, box=box)


def mix(image_G3HW: Tensor, encoded_GM: Tensor, category_G: Tensor, how: Mix) -> Targets:
    """Mixes a group's pictures and encoded metadata in place and returns what they show.

    Lambda 1 changes nothing. Metadata are mixed by lambda in CutMix, too: there it is the share of the area.
    """
    partner_G = torch.as_tensor(how.partner_G, device=image_G3HW.device)
    if how.box is None:
        image_G3HW.lerp_(image_G3HW[partner_G], 1 - how.share)
    else:
        top, bottom, left, right = how.box
        image_G3HW[:, :, top:bottom, left:right] = image_G3HW[partner_G, :, top:bottom, left:right]
    encoded_GM.lerp_(encoded_GM[partner_G], 1 - how.share)
    share_G = torch.full((len(category_G),), how.share, dtype=image_G3HW.dtype, device=image_G3HW.device)
    return Targets(category_G, category_G[partner_G], share_G)


def unmixed(category_G: Tensor, dtype: torch.dtype) -> Targets:
    """Returns the targets of pictures as they are."""
    return Targets(category_G, category_G, torch.ones(len(category_G), dtype=dtype, device=category_G.device))


def _box(generator: np.random.Generator, side: int, share: float) -> Box:
    half = side * (1 - share) ** 0.5 / 2
    row, column = generator.integers(0, side, 2)
    top, bottom = (int(np.clip(row + sign * half, 0, side)) for sign in (-1, 1))
    left, right = (int(np.clip(column + sign * half, 0, side)) for sign in (-1, 1))
    return top, bottom, left, right
