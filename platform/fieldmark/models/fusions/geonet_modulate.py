"""GeoNet's feature modulation (SPEC section 3): the location changes the image's feature, and both train together."""

from typing import ClassVar, cast

from torch import Tensor

from fieldmark.config.fusions import FilmSettings
from fieldmark.models.fusions.base import Metadata, Sizes
from fieldmark.models.fusions.geonet_base import OnImageClassifier, geo_branch, zero_linear
from fieldmark.models.fusions.registry import fusion


@fusion("geonet_modulate_add", settings=FilmSettings)
class GeoNetModulateAdd(OnImageClassifier):
    """F + W h(g), channel by channel, on the last map or on the pooled feature; W starts at zero.

    Where nothing but an average stands between map and pooled feature, the two settings are one function.
    """

    reads_map: ClassVar[bool] = True  # in either setting: `modulate` leaves the map alone where the feature is meant

    changes: ClassVar[int] = 1
    """Numbers that the location gives for every channel."""

    def __init__(self, sizes: Sizes, settings: FilmSettings) -> None:
        """Makes the location branch and W."""
        super().__init__(sizes, settings)
        self.on_map = settings.where == "map"
        self.geo, width = geo_branch(sizes, settings)
        self.change = zero_linear(width, self.changes * sizes.features)

    def modulate(self, map_BFHW: Tensor, metadata: Metadata) -> Tensor:
        """Returns the changed map (B, F, H, W)."""
        return self._changed(map_BFHW, metadata) if self.on_map else map_BFHW

    def forward(self, image_BF: Tensor, metadata: Metadata) -> Tensor:
        """Returns the logits (B, C)."""
        return self.image_logits(image_BF if self.on_map else self._changed(image_BF, metadata))

    def apply_change(self, feature: Tensor, change: Tensor) -> Tensor:
        """Returns the changed feature; `change` is (B, F) or (B, F, 1, 1)."""
        return feature + change

    def _changed(self, feature: Tensor, metadata: Metadata) -> Tensor:
        change: Tensor = self.change(self.geo(metadata.encoded_BM))
        ones = (1,) * (feature.ndim - 2)
        return self.apply_change(feature, change.view(*change.shape, *ones))


@fusion("geonet_modulate_film", settings=FilmSettings)
class GeoNetModulateFilm(GeoNetModulateAdd):
    """(1 + gamma(g)) F + beta(g), channel by channel; gamma and beta start at zero."""

    changes: ClassVar[int] = 2

    def apply_change(self, feature: Tensor, change: Tensor) -> Tensor:
        """Returns the changed feature; `change` holds gamma and beta: (B, 2 F) or (B, 2 F, 1, 1)."""
        gamma, beta = cast(tuple[Tensor, Tensor], change.chunk(2, dim=1))
        return (1 + gamma) * feature + beta
