"""The whole model: a backbone and a fusion."""

from torch import Tensor, nn

from fieldmark.models.backbones import Backbone
from fieldmark.models.fusions import Fusion, Metadata


class Classifier(nn.Module):
    """Pictures and metadata to logits."""

    def __init__(self, backbone: Backbone, fusion: Fusion) -> None:
        """Takes parts that fit each other."""
        super().__init__()
        self.backbone = backbone
        self.fusion = fusion

    def forward(self, image_B3HW: Tensor, encoded_BM: Tensor, place_B2: Tensor) -> Tensor:
        """Returns the logits (B, C) of normalised pictures, encoded metadata and places in degrees."""
        metadata = Metadata(encoded_BM=encoded_BM, place_B2=place_B2)
        map_BFHW = self.backbone.map(image_B3HW)
        if self.fusion.reads_map:
            map_BFHW = self.fusion.modulate(map_BFHW, metadata)
        logits_BC: Tensor = self.fusion(self.backbone.pool(map_BFHW), metadata)
        return logits_BC
