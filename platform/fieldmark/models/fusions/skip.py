"""The frame that Dynamic MLP and its baselines share: join image and location in a narrow width, add to the feature."""

from abc import abstractmethod

from torch import Tensor, nn

from fieldmark.config.fusions import FusionSettings
from fieldmark.models.fusions.base import FeatureFusion, Sizes


class SkipFusion(FeatureFusion):
    """z + LayerNorm(Linear(join(Linear(z), e))): nothing stands between the layers, nor after the sum (SPEC 4.1).

    The layers have the names of the official checkpoints, though none of them is a convolution.
    """

    def __init__(self, sizes: Sizes, settings: FusionSettings, *, d: int) -> None:
        """Makes the layers around `join`, which works in width d."""
        super().__init__(sizes, settings, d=d)
        self.conv1 = nn.Linear(sizes.features, d)
        self.conv3 = nn.Linear(d, sizes.features)
        self.norm3 = nn.LayerNorm(sizes.features)

    @abstractmethod
    def join(self, t_BD: Tensor, e_BD: Tensor) -> Tensor:
        """Returns the joint vector (B, d) of the narrowed image feature and the location vector, both (B, d)."""

    def fuse(self, image_BF: Tensor, location_BD: Tensor) -> Tensor:
        """Returns the fused feature (B, F)."""
        joint_BD = self.join(self.conv1(image_BF), location_BD)
        change_BF: Tensor = self.norm3(self.conv3(joint_BD))
        return image_BF + change_BF
