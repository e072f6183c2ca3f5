"""GeoNet's post-processing (SPEC section 3): what the location adds to the logits of a frozen image-only model.

Each starts exactly at the image-only model, so that epoch 0 has its accuracy (the supplement, Fig. S2). Only the
location's part trains. It sees logits of pictures that the classifier was trained on: see SCIENCE rule 18.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from fieldmark.config.fusions import GeoNetSettings
from fieldmark.models.fusions.base import Metadata, Sizes
from fieldmark.models.fusions.geonet_base import OnImageClassifier, geo_branch, zero_linear
from fieldmark.models.fusions.registry import fusion


class _PostProcessing(OnImageClassifier):
    """A frozen image-only classifier beside a location branch."""

    frozen_image: ClassVar[bool] = True

    def __init__(self, sizes: Sizes, settings: GeoNetSettings) -> None:
        """Makes both; subclasses join them."""
        super().__init__(sizes, settings)
        self.geo, self.geo_width = geo_branch(sizes, settings)


@fusion("geonet_post_add", settings=GeoNetSettings)
class GeoNetPostAdd(_PostProcessing):
    """z + W h(g), z the image-only model's logits; W starts at zero."""

    def __init__(self, sizes: Sizes, settings: GeoNetSettings) -> None:
        """Makes W."""
        super().__init__(sizes, settings)
        self.change = zero_linear(self.geo_width, sizes.categories)

    def forward(self, image_BF: Tensor, metadata: Metadata) -> Tensor:
        """Returns the logits (B, C)."""
        change_BC: Tensor = self.change(self.geo(metadata.encoded_BM))
        return self.image_logits(image_BF) + change_BC


@fusion("geonet_post_multiply", settings=GeoNetSettings)
class GeoNetPostMultiply(GeoNetPostAdd):
    """z * (1 + W h(g)); W starts at zero."""

    def forward(self, image_BF: Tensor, metadata: Metadata) -> Tensor:
        """Returns the logits (B, C)."""
        change_BC: Tensor = self.change(self.geo(metadata.encoded_BM))
        return self.image_logits(image_BF) * (1 + change_BC)


@fusion("geonet_post_concat", settings=GeoNetSettings)
class GeoNetPostConcat(_PostProcessing):
    """Linear([z ; h(g)]); its weights start at [identity, 0]: C^2 of them, 66 million at 8,142 categories."""

    def __init__(self, sizes: Sizes, settings: GeoNetSettings) -> None:
        """Makes the layer."""
        super().__init__(sizes, settings)
        self.join = zero_linear(sizes.categories + self.geo_width, sizes.categories)
        with torch.no_grad():
            nn.init.eye_(self.join.weight[:, : sizes.categories])

    def forward(self, image_BF: Tensor, metadata: Metadata) -> Tensor:
        """Returns the logits (B, C)."""
        both = torch.cat([self.image_logits(image_BF), self.geo(metadata.encoded_BM)], dim=-1)
        logits_BC: Tensor = self.join(both)
        return logits_BC
