"""BoTNet-152: ResNet-152 whose last stage looks everywhere at once (Srinivas et al. 2021, 2101.11605; SPEC 5.4)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from fieldmark.models.backbones.base import BackboneSettings
from fieldmark.models.backbones.registry import backbone
from fieldmark.models.backbones.timm_backbone import TimmBackbone, create_network
from fieldmark.models.initialise import initialise_convolutions

HEADS = 4
SIDES = (14, 7, 7)
"""Sides of the maps in the last stage's blocks at 224 pixels, for which the relative positions are stored."""


class RelativeAttention(nn.Module):
    """Multi-head self-attention over a map, in the place of a 3x3 convolution.

    A query meets a key by their product and by its product with a vector for how far apart the two are, in rows and in
    columns. Those vectors are shared by the heads, and interpolated where the map has another size.
    """

    def __init__(self, channels: int, *, side: int, stride: int) -> None:
        """Takes the map's channels and side; a stride of 2 halves what attention gives by pooling."""
        super().__init__()
        self.head_width = channels // HEADS
        scale = self.head_width**-0.5
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.rows = nn.Parameter(scale * torch.randn(2 * side - 1, self.head_width))
        self.columns = nn.Parameter(scale * torch.randn(2 * side - 1, self.head_width))
        self.pool = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False) if stride == 2 else nn.Identity()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Returns (B, C, H / stride, W / stride)."""
        count, channels, height, width = x_BCHW.shape
        query_BGDN, key_BGDN, value_BGDN = (
            self.qkv(x_BCHW).reshape(count, 3, HEADS, self.head_width, height * width).unbind(1)
        )
        query_BGND = query_BGDN.transpose(2, 3) * self.head_width**-0.5
        logits_BGNN = query_BGND @ key_BGDN + self._relative(query_BGND, height, width)
        out_BGDN = value_BGDN @ logits_BGNN.softmax(dim=3).transpose(2, 3)
        pooled: Tensor = self.pool(out_BGDN.reshape(count, channels, height, width))
        return pooled

    def _relative(self, query_BGND: Tensor, height: int, width: int) -> Tensor:
        query_BGHWD = query_BGND.reshape(*query_BGND.shape[:2], height, width, self.head_width)
        rows_BGHWV = torch.einsum("bghwd,hvd->bghwv", query_BGHWD, _between(self.rows, height))
        columns_BGHWU = torch.einsum("bghwd,wud->bghwu", query_BGHWD, _between(self.columns, width))
        logits_BGHWVU = rows_BGHWV[..., :, None] + columns_BGHWU[..., None, :]
        return logits_BGHWVU.flatten(4).flatten(2, 3)


def with_attention(network: nn.Module, sides: Sequence[int], *, stride: int) -> nn.Module:
    """Puts attention in the place of the 3x3 convolutions of a timm ResNet's last stage.

    Args:
        network: changed in place.
        sides: of the maps in the stage's blocks, at the size of pictures that relative positions are stored for.
        stride: 2: the first block halves the map after its attention.

    Returns:
        The network.
    """
    for index, side in enumerate(sides):
        block = network.get_submodule(f"layer4.{index}")
        convolution = block.get_submodule("conv2")
        assert isinstance(convolution, nn.Conv2d)
        attention = RelativeAttention(convolution.out_channels, side=side, stride=stride if index == 0 else 1)
        initialise_convolutions(attention)
        block.conv2 = attention
    return network


@backbone("botnet152")
class BoTNet152(TimmBackbone):
    """ResNet-152 with four-headed attention in its last three blocks; pictures of any size."""

    def __init__(self, settings: BackboneSettings) -> None:
        """Takes stochastic depth; the first of the three blocks halves the map after its attention."""
        super().__init__(with_attention(create_network("resnet152", settings), SIDES, stride=2))


def _between(table_RD: Tensor, side: int) -> Tensor:
    """Returns the vector (side, side, D) from every row to every row, from a table over distances."""
    wanted = 2 * side - 1
    if len(table_RD) != wanted:
        table_1DR = functional.interpolate(table_RD.T[None], size=wanted, mode="linear", align_corners=True)
        table_RD = table_1DR[0].T
    place_S = torch.arange(side, device=table_RD.device)
    return table_RD[place_S[None, :] - place_S[:, None] + side - 1]
