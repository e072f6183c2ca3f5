"""What every fusion is: a module from an image feature and metadata to logits, with its classifier inside."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from fieldmark.config.fusions import FusionSettings
from fieldmark.models.priorsnet import LocationEncoder

if TYPE_CHECKING:
    from fieldmark.data.experiment import Part


class Metadata(NamedTuple):
    """Where and when B images were taken."""

    encoded_BM: Tensor
    """Encoded place and date; zeros where a field is missing, which is off the unit circle. Mixup mixes it."""
    place_B2: Tensor
    """Latitude and longitude in degrees; NaN where missing. Never mixed; only GeoNet reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What a fusion must fit."""

    features: int
    """F, the width of the backbone's pooled feature."""
    categories: int
    """C."""
    metadata: int
    """M, the number of encoded metadata features."""
    location_width: int = 256
    location_blocks: int = 4
    location_dropout: float = 0.5


class Fusion(nn.Module, ABC):
    """Turns pooled image features and metadata into logits.

    A subclass is registered by `@fusion("name", settings=...)` and constructed with its `Sizes` and its settings. It
    must give finite logits for metadata that are missing wholly or in part, and use every trainable parameter in every
    forward pass (plain DistributedDataParallel).
    """

    looks_at_location: ClassVar[bool] = True
    """False: metadata change nothing."""
    frozen_image: ClassVar[bool] = False
    """True: it starts from a trained image-only model, whose backbone and classifier stay as they are."""
    reads_map: ClassVar[bool] = False
    """True: `modulate` is called on the map before pooling."""

    def __init__(self, sizes: Sizes, settings: FusionSettings) -> None:
        """Keeps the sizes; subclasses add their layers."""
        super().__init__()
        self.sizes = sizes
        self.settings = settings

    @abstractmethod
    def forward(self, image_BF: Tensor, metadata: Metadata) -> Tensor:
        """Returns the logits (B, C) of pooled image features (B, F) and metadata."""

    def modulate(self, map_BFHW: Tensor, metadata: Metadata) -> Tensor:
        """Returns the map (B, F, H, W) that is pooled; only called where `reads_map`."""
        raise NotImplementedError

    def observe(self, train: "Part") -> None:
        """Is told the training records before training; only counting fusions keep anything of them."""

    def start_from(self, classifier: nn.Linear) -> None:
        """Takes over the classifier of a trained image-only model; the default does nothing.

        Fusions that begin as the image-only model copy its weights here.
        """


class LocationPath(nn.Sequential):
    """Encoded metadata (B, M) to the location vector e (B, d): PriorsNet's encoder and a linear layer without bias."""

    def __init__(self, sizes: Sizes, d: int) -> None:
        """Takes the sizes and the width of e; 593,664 parameters at M = 6 and the defaults."""
        super().__init__()
        self.feats = LocationEncoder(
            sizes.metadata, width=sizes.location_width, blocks=sizes.location_blocks, dropout=sizes.location_dropout
        )
        self.class_emb = nn.Linear(sizes.location_width, d, bias=False)  # the official name of its last layer


class FeatureFusion(Fusion):
    """A fusion that makes a new feature of the image's width, which a linear classifier reads.

    The short way to a fusion of one's own: subclass, add layers, write `fuse`.
    """

    def __init__(self, sizes: Sizes, settings: FusionSettings, *, d: int) -> None:
        """Makes the location path of width d and the classifier."""
        super().__init__(sizes, settings)
        self.location = LocationPath(sizes, d)
        self.classifier = nn.Linear(sizes.features, sizes.categories)

    @abstractmethod
    def fuse(self, image_BF: Tensor, location_BD: Tensor) -> Tensor:
        """Returns the fused feature (B, F)."""

    def forward(self, image_BF: Tensor, metadata: Metadata) -> Tensor:
        """Returns the classifier's logits (B, C) of the fused feature."""
        location_BD = self.location(metadata.encoded_BM)
        logits_BC: Tensor = self.classifier(self.fuse(image_BF, location_BD))
        return logits_BC


def no_metadata(count: int, sizes: Sizes, *, like: Tensor) -> Metadata:
    """Returns the metadata of images of which nothing is known, on the device and of the type of a tensor."""
    return Metadata(
        encoded_BM=torch.zeros(count, sizes.metadata, device=like.device, dtype=like.dtype),
        place_B2=torch.full((count, 2), torch.nan, device=like.device, dtype=like.dtype),
    )
