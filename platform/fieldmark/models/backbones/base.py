"""What every backbone is: a picture to a map of features, and a map to one feature."""

from torch import Tensor, nn


class Backbone(nn.Module):
    """A network without its classifier, whose parts have the names of its official checkpoints.

    Attributes:
        width: F, the width of the pooled feature, asked from the network.
    """

    width: int

    def map(self, image_B3HW: Tensor) -> Tensor:
        """Returns the last map (B, F, H', W'); a transformer's tokens are laid out as a map."""
        raise NotImplementedError

    def pool(self, map_BFHW: Tensor) -> Tensor:
        """Returns the pooled feature (B, F) that the network's own classifier would read."""
        raise NotImplementedError

    def forward(self, image_B3HW: Tensor) -> Tensor:
        """Returns the pooled feature (B, F) of normalised pictures."""
        return self.pool(self.map(image_B3HW))


def build_backbone(
    name: str, *, weights: str = "none", file: str | None = None, resolution: int = 224, drop_path: float = 0.0
) -> Backbone:
    """Returns a new backbone.

    Args:
        name: a timm model name, or one of our own: sk2res2net101, botnet152, pvt_large_v1.
        weights: `none`; `timm` for timm's pretrained weights; `sha256:...` for those in `file`.
        file: a local file of weights (safetensors, or a PyTorch file that loads with `weights_only`).
        resolution: side of the pictures, for networks that must know it.
        drop_path: stochastic depth, where the network has it.

    Raises:
        UserError: an unknown name (the closest are named), weights that cannot be had or do not fit.
    """
    raise NotImplementedError  # the backbones' author writes this
