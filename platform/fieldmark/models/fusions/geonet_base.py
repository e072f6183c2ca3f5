"""What GeoNet's fusions share (Chu et al. 2019; SPEC section 3): a location branch, and the image-only classifier."""

import re

import torch
from torch import Tensor, nn

from fieldmark.config.fusions import GeoNetSettings
from fieldmark.errors import UserError
from fieldmark.models.fusions.base import Fusion, Sizes


def geo_branch(sizes: Sizes, settings: GeoNetSettings) -> tuple[nn.Sequential, int]:
    """Returns fully connected layers with ReLU from encoded metadata (B, M) to h(g), and the width of h(g).

    Missing metadata come in as zeros, so that h is a learnt constant where nothing is known (SCIENCE rule 1).

    Raises:
        UserError: `widths` is not a list like 256-128-128.
    """
    layers: list[nn.Module] = []
    before = sizes.metadata
    for width in _widths(settings.widths):
        layers += [nn.Linear(before, width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers), before


def zero_linear(inputs: int, outputs: int) -> nn.Linear:
    """Returns a layer that gives zeros until it is trained."""
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class OnImageClassifier(Fusion):
    """A fusion around the classifier of an image-only model, at which it begins.

    Where `frozen_image` the classifier stays as it is: its weights need no gradient, and its logits carry none.
    """

    def __init__(self, sizes: Sizes, settings: GeoNetSettings) -> None:
        """Makes the classifier; `start_from` fills it."""
        super().__init__(sizes, settings)
        self.classifier = nn.Linear(sizes.features, sizes.categories).requires_grad_(not self.frozen_image)

    def start_from(self, classifier: nn.Linear) -> None:
        """Copies the weights of a trained image-only model's classifier."""
        with torch.no_grad():
            self.classifier.weight.copy_(classifier.weight)
            self.classifier.bias.copy_(classifier.bias)

    def image_logits(self, image_BF: Tensor) -> Tensor:
        """Returns the image-only model's logits (B, C)."""
        logits_BC: Tensor = self.classifier(image_BF)
        return logits_BC.detach() if self.frozen_image else logits_BC


def _widths(text: str) -> list[int]:
    if not re.fullmatch(r"[1-9]\d*(-[1-9]\d*)*", text):
        raise UserError(f"fusion setting widths={text}: expected positive numbers of units like 256-128-128")
    return [int(width) for width in text.split("-")]
