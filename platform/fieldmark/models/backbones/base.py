"""What every backbone is: a picture to a map of features, and a map to one feature."""

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneSettings:
    """What a backbone is told when it is made."""

    resolution: int = 224
    """Side of the pictures, for networks that must know it."""
    drop_path: float = 0.0
    """Stochastic depth, for networks that have it."""


class Backbone(nn.Module):
    """A network without its classifier, whose parts have the names of its official checkpoints.

    A subclass is registered by `@backbone("name")`, constructed with its `BackboneSettings`, and sets `width`. It must
    use every trainable parameter in every forward pass (plain DistributedDataParallel).

    Attributes:
        width: F, the width of the pooled feature, asked from the network.
        map_width: channels of the map, measured by `build_backbone`: F, but for networks whose head has a hidden layer.
        prefix: class and register tokens, which are in the map's first rows (`layout`); None where the map is one of
            places only.
    """

    width: int
    map_width: int
    prefix: int | None = None

    def map(self, image_B3HW: Tensor) -> Tensor:
        """Returns the last map (B, F, H', W'); a transformer's tokens are laid out as a map."""
        raise NotImplementedError

    def pool(self, map_BFHW: Tensor) -> Tensor:
        """Returns the pooled feature (B, F) that the network's own classifier would read."""
        raise NotImplementedError

    def forward(self, image_B3HW: Tensor) -> Tensor:
        """Returns the pooled feature (B, F) of normalised pictures."""
        return self.pool(self.map(image_B3HW))
