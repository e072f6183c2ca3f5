"""Small networks of the full backbones' families, for demonstrations on pictures of 16 to 96 pixels (SCIENCE rule 16).

They are built of the same modules and cut the picture's side by 4 to 8 instead of 32, so that a picture of 28 pixels
still ends in a map of several cells.
"""

from timm.models.resnet import Bottleneck, ResNet
from timm.models.swin_transformer import SwinTransformer
from torch import nn

from fieldmark.models.backbones.base import BackboneSettings
from fieldmark.models.backbones.botnet import with_attention
from fieldmark.models.backbones.pvt import PVT
from fieldmark.models.backbones.registry import backbone
from fieldmark.models.backbones.sk_res2net import SKRes2Net
from fieldmark.models.backbones.timm_backbone import TimmBackbone


@backbone("resnet_smoke")
class ResNetSmoke(TimmBackbone):
    """timm's bottleneck ResNet with a block a stage; a map of 4 x 4 at 28 pixels."""

    def __init__(self, settings: BackboneSettings) -> None:
        """Takes pictures of any size, and stochastic depth."""
        super().__init__(_resnet(settings))


@backbone("sk_res2net_smoke")
class SKRes2NetSmoke(SKRes2Net):
    """SK-Res2Net with three blocks in two stages; a map of 4 x 4 at 28 pixels."""

    depths = (1, 2)
    planes = 24


@backbone("botnet_smoke")
class BoTNetSmoke(TimmBackbone):
    """The small ResNet, whose last stage has attention in the place of its 3x3 convolution."""

    def __init__(self, settings: BackboneSettings) -> None:
        """Takes pictures of any size, and stochastic depth."""
        super().__init__(with_attention(_resnet(settings), (4,), stride=1))


@backbone("swin_smoke")
class SwinSmoke(TimmBackbone):
    """timm's Swin with two stages of two blocks; at 28 pixels four windows of 4 x 4, shifted in turn, then one.

    As the full one it takes pictures of no other size than the one that it was made for.
    """

    def __init__(self, settings: BackboneSettings) -> None:
        """Takes the pictures' size, and stochastic depth."""
        network = SwinTransformer(
            img_size=settings.resolution,
            patch_size=4,
            window_size=4,
            embed_dim=32,
            depths=(2, 2),
            num_heads=(2, 4),
            num_classes=0,
            drop_path_rate=settings.drop_path,
        )
        super().__init__(network)


@backbone("pvt_smoke")
class PVTSmoke(PVT):
    """PVT with four blocks in two stages; a grid of 7 x 7 and the class token at 28 pixels."""

    widths = (24, 48)
    depths = (1, 2)
    heads = (1, 2)
    reductions = (2, 1)
    mlp_ratios = (4, 4)
    patches = (2, 2)
    sides = (14, 7)


def _resnet(settings: BackboneSettings) -> nn.Module:
    """Returns a ResNet whose stem only halves the picture and whose last stage keeps the map's size."""
    network: nn.Module = ResNet(
        Bottleneck,
        (1, 1, 1, 1),
        num_classes=0,
        output_stride=16,
        stem_width=12,
        stem_type="deep",
        avg_down=True,
        channels=(16, 32, 48, 64),
        drop_path_rate=settings.drop_path,
        zero_init_last=False,
    )
    network.maxpool = nn.Identity()
    return network
