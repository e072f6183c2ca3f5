"""Where a classifier looks: CAM (Zhou et al. 2016) and Grad-CAM through the fusion (Selvaraju et al. 2017).

CAM weighs the last map by the classifier's weights. It is taken before the fusion and cannot see what a fusion adds;
for PriorsNet, which multiplies the image-only model's scores, it is the image-only model's (SCIENCE rule 22).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fieldmark.models.backbones.layout import places_of_map
from fieldmark.models.classifier import Classifier
from fieldmark.models.fusions import Fusion, Metadata
from fieldmark.models.fusions.plain import ConcatNet


class ActivationMaps(NamedTuple):
    """Maps of B pictures, of the pictures' height and width, each from 0 to 1; constant maps are 0 everywhere."""

    cam_BHW: Tensor | None
    """None where no linear classifier reads features of the map's width."""
    grad_cam_BHW: Tensor | None
    """None where no gradient gets to the map's places: a network that reads nothing but its class token, or a fusion
    that keeps the image's scores as constants."""
    logits_BC: Tensor


def activation_maps(
    model: Classifier, image_B3HW: Tensor, encoded_BM: Tensor, place_B2: Tensor, category_B: Tensor
) -> ActivationMaps:
    """Returns what speaks for a category in each picture; the model is put into evaluation mode and stays there.

    Args:
        model: on the pictures' device, in their precision.
        image_B3HW: normalised pictures.
        encoded_BM: their encoded place and date.
        place_B2: their places, in degrees.
        category_B: the category of each, from 0 to C - 1.
    """
    model.eval()
    metadata = Metadata(encoded_BM=encoded_BM, place_B2=place_B2)
    with torch.no_grad():
        last_BFHW = model.backbone.map(image_B3HW)
    with torch.enable_grad():
        last_BFHW.requires_grad_()
        logits_BC = _logits(model, last_BFHW, metadata)
        gradient_BFHW = _gradient(logits_BC, last_BFHW, category_B)
    prefix = model.backbone.prefix
    last_BFHW = places_of_map(last_BFHW.detach(), prefix)
    cam_BHW = _cam(model.fusion, last_BFHW, category_B)
    grad_cam_BHW = None if gradient_BFHW is None else _grad_cam(last_BFHW, places_of_map(gradient_BFHW, prefix))
    height, width = image_B3HW.shape[2:]
    return ActivationMaps(
        cam_BHW=None if cam_BHW is None else _shown(cam_BHW, height, width),
        grad_cam_BHW=None if grad_cam_BHW is None else _shown(grad_cam_BHW, height, width),
        logits_BC=logits_BC.detach(),
    )


def _logits(model: Classifier, map_BFHW: Tensor, metadata: Metadata) -> Tensor:
    if model.fusion.reads_map:
        map_BFHW = model.fusion.modulate(map_BFHW, metadata)
    logits_BC: Tensor = model.fusion(model.backbone.pool(map_BFHW), metadata)
    return logits_BC


def _gradient(logits_BC: Tensor, map_BFHW: Tensor, category_B: Tensor) -> Tensor | None:
    if not logits_BC.requires_grad:
        return None
    # In evaluation mode no picture changes another's scores, so that the sum's gradient is each one's own.
    total = logits_BC.gather(1, category_B[:, None]).sum()
    return torch.autograd.grad(total, map_BFHW, allow_unused=True)[0]


def _cam(fusion: Fusion, map_BFHW: Tensor, category_B: Tensor) -> Tensor | None:
    classifier = getattr(fusion, "classifier", None)
    if not isinstance(classifier, nn.Linear):
        return None
    features = fusion.sizes.features
    weight_CF = classifier.weight.detach()
    if isinstance(fusion, ConcatNet):
        weight_CF = weight_CF[:, :features]  # the other columns read the location
    if weight_CF.shape[1] != features or map_BFHW.shape[1] != features:
        return None
    return torch.einsum("bfhw,bf->bhw", map_BFHW, weight_CF[category_B])


def _grad_cam(map_BFHW: Tensor, gradient_BFHW: Tensor) -> Tensor | None:
    if not bool(gradient_BFHW.any()):
        return None
    weight_BF = gradient_BFHW.mean(dim=(2, 3))
    return torch.einsum("bfhw,bf->bhw", map_BFHW, weight_BF).relu()


def _shown(map_BHW: Tensor, height: int, width: int) -> Tensor:
    """Returns maps in the pictures' size (bilinear), from 0 to 1."""
    size = (height, width)
    large_BHW = functional.interpolate(map_BHW[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
    least_B11, most_B11 = _range(large_BHW)
    # Enlarging rounds, so that a constant map, of a single cell for example, may not stay quite constant.
    says_B11 = torch.ne(*_range(map_BHW)) & (most_B11 > least_B11)
    return torch.where(says_B11, (large_BHW - least_B11) / (most_B11 - least_B11), 0.0)


def _range(map_BHW: Tensor) -> tuple[Tensor, Tensor]:
    return map_BHW.amin(dim=(1, 2), keepdim=True), map_BHW.amax(dim=(1, 2), keepdim=True)
