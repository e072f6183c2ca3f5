"""GeoNet's geolocation priors (SPEC section 3): counts of training records near the place, on a frozen classifier."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from fieldmark.config.fusions import GeoNetSettings
from fieldmark.models.fusions.base import Metadata, Sizes
from fieldmark.models.fusions.geonet_base import OnImageClassifier
from fieldmark.models.fusions.registry import fusion
from fieldmark.models.priors.base import labelled_with_place

if TYPE_CHECKING:
    from fieldmark.data.experiment import Part

EARTH_RADIUS_KM = 6371.0088
RECORDS_AT_ONCE = 65_536
"""Training records whose distances are held at once."""
ZERO_SCORE = -1e4
"""The logit of a score of zero: its softmax is exactly 0 in every precision, and float16 holds it."""
PSEUDO_RECORDS = 1.0
"""Records that stand for the training set's class shares in every neighbourhood."""


class _LocationPrior(OnImageClassifier):
    """Keeps the places and categories of the training records; nothing trains.

    They are buffers: an exported or checkpointed model needs no training records, and a fresh one takes them over from
    a state dict however many they are.
    """

    frozen_image: ClassVar[bool] = True
    place_N2: Tensor
    """Degrees, of labelled training records that have a place."""
    category_N: Tensor

    def __init__(self, sizes: Sizes, settings: GeoNetSettings) -> None:
        """Begins without records: until `observe` the image scores stay."""
        super().__init__(sizes, settings)
        self._nearest_cosine = math.cos(min(settings.radius_km / EARTH_RADIUS_KM, math.pi))
        self.register_buffer("place_N2", torch.zeros(0, 2, dtype=torch.float64))
        self.register_buffer("category_N", torch.zeros(0, dtype=torch.int64))

    def observe(self, train: "Part") -> None:
        """Keeps the labelled training records that have a place."""
        known = labelled_with_place(train)
        where = train.place_time.take(known)
        place_N2 = np.column_stack([where.latitude_N, where.longitude_N])
        self.place_N2 = torch.from_numpy(place_N2).to(self.place_N2)
        self.category_N = torch.from_numpy(train.category_N[known]).to(self.category_N)

    def forward(self, image_BF: Tensor, metadata: Metadata) -> Tensor:
        """Returns the logits (B, C); the image-only model's where the place is missing or no record is near."""
        image_BC = self.image_logits(image_BF)
        counts_BC = self.counts(metadata.place_B2)
        found_B1 = counts_BC.sum(dim=1, keepdim=True) > 0
        return torch.where(found_B1, self.rescored(image_BC, counts_BC), image_BC)

    @abstractmethod
    def rescored(self, image_BC: Tensor, counts_BC: Tensor) -> Tensor:
        """Returns logits (B, C), given the number of near records of each category; rows without any are not used."""

    def counts(self, place_B2: Tensor) -> Tensor:
        """Returns how many training records of each category lie within the radius (B, C); none for a missing place."""
        counts_BC = torch.zeros(len(place_B2), self.sizes.categories, device=place_B2.device)
        # A hundred miles are 0.0003 of a cosine: never in half precision, whatever the network runs in.
        with torch.no_grad(), torch.autocast(place_B2.device.type, enabled=False):
            point_B3 = _on_sphere(place_B2)
            for start in range(0, len(self.category_N), RECORDS_AT_ONCE):
                rows = slice(start, start + RECORDS_AT_ONCE)
                near_BN = point_B3 @ _on_sphere(self.place_N2[rows]).T >= self._nearest_cosine
                counts_BC.index_add_(1, self.category_N[rows], near_BN.to(counts_BC.dtype))
        return counts_BC

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        for name in ("place_N2", "category_N"):
            found = state_dict.get(prefix + name)
            if found is not None:
                setattr(self, name, getattr(self, name).new_empty(found.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


@fusion("geonet_whitelist", settings=GeoNetSettings)
class GeoNetWhitelist(_LocationPrior):
    """Scores of categories without a training record within the radius become zero."""

    def rescored(self, image_BC: Tensor, counts_BC: Tensor) -> Tensor:
        """Returns the logits (B, C)."""
        return image_BC.masked_fill(counts_BC == 0, ZERO_SCORE)


@fusion("geonet_bayes", settings=GeoNetSettings)
class GeoNetBayes(_LocationPrior):
    """p(c|image) p(c|place) / p(c), p(c|place) counted within the radius and drawn towards p(c).

    With one pseudo-record of the training set's shares, p(c|place) = (n_c + p(c)) / (n + 1): adding one to every
    category instead would raise the rare ones wherever they have never been seen.
    """

    def rescored(self, image_BC: Tensor, counts_BC: Tensor) -> Tensor:
        """Returns the logits (B, C); p(c) is of the same records, for the likelihood of a place is counted on them."""
        near_BC = counts_BC.double()
        total_C = torch.bincount(self.category_N, minlength=self.sizes.categories).double()
        # A category without any record has none near either: any share will do for it.
        share_C = total_C.clamp_min(1) / max(len(self.category_N), 1)
        ratio_BC = (near_BC / share_C + PSEUDO_RECORDS) / (near_BC.sum(dim=1, keepdim=True) + PSEUDO_RECORDS)
        return image_BC + ratio_BC.log().to(image_BC.dtype)


def _on_sphere(place_N2: Tensor) -> Tensor:
    """Returns the unit vectors (N, 3) of latitudes and longitudes in degrees, in float64."""
    latitude_N, longitude_N = place_N2.double().deg2rad().unbind(dim=1)
    around_N = latitude_N.cos()
    return torch.stack([around_N * longitude_N.cos(), around_N * longitude_N.sin(), latitude_N.sin()], dim=1)
