"""The two plain baselines: the image alone, and a linear classifier on image and location side by side."""

import torch
from torch import Tensor, nn

from fieldmark.config.fusions import FusionSettings
from fieldmark.models.fusions.base import Fusion, LocationPath, Metadata, Sizes
from fieldmark.models.fusions.registry import fusion


@fusion("image_only")
class ImageOnly(Fusion):
    """A linear classifier of the image's feature; place and date change nothing."""

    looks_at_location = False

    def __init__(self, sizes: Sizes, settings: FusionSettings) -> None:
        """Takes the sizes."""
        super().__init__(sizes, settings)
        self.classifier = nn.Linear(sizes.features, sizes.categories)

    def forward(self, image_BF: Tensor, metadata: Metadata) -> Tensor:
        """Returns the logits (B, C)."""
        logits_BC: Tensor = self.classifier(image_BF)
        return logits_BC

    def start_from(self, classifier: nn.Linear) -> None:
        """Takes over the classifier's weights."""
        self.classifier.load_state_dict(classifier.state_dict())


@fusion("concat_net")
class ConcatNet(Fusion):
    """One linear classifier of [z ; e]; 42,869,006 parameters with ResNet-50 at 8,142 categories (SPEC 4.3)."""

    def __init__(self, sizes: Sizes, settings: FusionSettings) -> None:
        """Takes the sizes; e is as wide as the location path's layers."""
        super().__init__(sizes, settings)
        self.location = LocationPath(sizes, sizes.location_width)
        self.classifier = nn.Linear(sizes.features + sizes.location_width, sizes.categories)

    def forward(self, image_BF: Tensor, metadata: Metadata) -> Tensor:
        """Returns the logits (B, C)."""
        location_BD = self.location(metadata.encoded_BM)
        logits_BC: Tensor = self.classifier(torch.cat([image_BF, location_BD], dim=1))
        return logits_BC
