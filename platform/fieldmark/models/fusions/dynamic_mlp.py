"""Dynamic MLP: the location generates the weights that the image feature goes through (Yang et al. 2022; SPEC 4.1).

Parameters have the names and shapes of the official checkpoints.
"""

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from fieldmark.config.fusions import DynamicMLPSettings, FusionSettings
from fieldmark.models.fusions.base import Sizes
from fieldmark.models.fusions.registry import fusion
from fieldmark.models.fusions.skip import SkipFusion


def by_generated(t_BI: Tensor, generated_BG: Tensor) -> Tensor:
    """Returns (B, J): each record's row vector times its own matrix (I, J), given row by row, G = I * J."""
    count, inputs = t_BI.shape
    matrix_BIJ = generated_BG.view(count, inputs, generated_BG.shape[1] // inputs)
    return torch.bmm(t_BI.unsqueeze(1), matrix_BIJ).squeeze(1)


class Layer(nn.Module):
    """A linear layer and a rectifier; with `norm`, a LayerNorm between them instead of the bias."""

    def __init__(self, inputs: int, outputs: int, *, norm: bool = False) -> None:
        """Takes the widths."""
        super().__init__()
        parts: OrderedDict[str, nn.Module] = OrderedDict({"0": nn.Linear(inputs, outputs, bias=not norm)})
        if norm:
            parts["ln"] = nn.LayerNorm(outputs)
        parts["relu"] = nn.ReLU(inplace=True)
        self.conv = nn.Sequential(parts)

    def forward(self, x_BI: Tensor) -> Tensor:
        """Returns (B, outputs)."""
        outputs_BO: Tensor = self.conv(x_BI)
        return outputs_BO


class BlockA(nn.Module):
    """Width a to b: the image's vector times a matrix that one layer makes of the location's (d)."""

    def __init__(self, a: int, b: int, d: int) -> None:
        """Takes the widths."""
        super().__init__()
        self.get_weight = nn.Linear(d, a * b)
        self.norm = nn.LayerNorm(b)

    def forward(self, t_BI: Tensor, e_BD: Tensor) -> Tensor:
        """Returns (B, b) for (B, a) and (B, d)."""
        product_BJ: Tensor = self.norm(by_generated(t_BI, self.get_weight(e_BD)))
        return product_BJ.relu_()


class BlockB(nn.Module):
    """Width a to b: two layers on each branch, the location's second of which makes the matrix."""

    joint: ClassVar[bool] = False
    """Whether both branches read image and location (block C), instead of each its own."""

    def __init__(self, a: int, b: int, d: int) -> None:
        """Takes the widths."""
        super().__init__()
        self.conv11 = Layer(a + d if self.joint else a, a)
        self.conv12 = nn.Linear(a, a)
        self.conv21 = Layer(a + d if self.joint else d, a)
        self.conv22 = nn.Linear(a, a * b)
        self.br = nn.Sequential(nn.LayerNorm(b), nn.ReLU(inplace=True))
        self.conv3 = Layer(b, b, norm=True)

    def forward(self, t_BI: Tensor, e_BD: Tensor) -> Tensor:
        """Returns (B, b) for (B, a) and (B, d)."""
        if self.joint:
            t_BI = e_BD = torch.cat([t_BI, e_BD], dim=1)
        u_BI = self.conv12(self.conv11(t_BI))
        product_BJ = by_generated(u_BI, self.conv22(self.conv21(e_BD)))
        outputs_BJ: Tensor = self.conv3(self.br(product_BJ))
        return outputs_BJ


class BlockC(BlockB):
    """As block B, but both branches read the image's and the location's vector side by side."""

    joint = True


def blocks(block: Callable[[int, int, int], nn.Module], settings: DynamicMLPSettings) -> nn.ModuleList:
    """Returns N blocks of widths d -> h -> ... -> h -> d, each under the official name `dynamic_conv`."""
    widths = [settings.d, *[settings.h] * (settings.blocks - 1), settings.d]
    return nn.ModuleList(nn.ModuleDict({"dynamic_conv": block(a, b, settings.d)}) for a, b in pairwise(widths))


class BlocksFusion(SkipFusion):
    """A fusion by recursive blocks that all read the same location vector."""

    block: ClassVar[type[nn.Module]]
    """Constructed with a, b and d; called with (B, a) and (B, d), it returns (B, b)."""

    def __init__(self, sizes: Sizes, settings: FusionSettings) -> None:
        """Takes the sizes and d, h and N."""
        assert isinstance(settings, DynamicMLPSettings)
        super().__init__(sizes, settings, d=settings.d)
        self.conv2 = blocks(self.block, settings)

    def join(self, t_BD: Tensor, e_BD: Tensor) -> Tensor:
        """Returns the last block's vector (B, d)."""
        for layer in self.conv2:
            assert isinstance(layer, nn.ModuleDict)
            t_BD = layer["dynamic_conv"](t_BD, e_BD)
        return t_BD


@fusion("dynamic_mlp_a", settings=DynamicMLPSettings)
class DynamicMLPA(BlocksFusion):
    """Variant A; 9,476,992 parameters beside the location path and the classifier, at F = 2048 and the defaults."""

    block = BlockA


@fusion("dynamic_mlp_b", settings=DynamicMLPSettings)
class DynamicMLPB(BlocksFusion):
    """Variant B; 6,623,680 parameters at F = 2048 and the defaults: the published 47.4 M with ResNet-50."""

    block = BlockB


@fusion("dynamic_mlp_c", settings=DynamicMLPSettings)
class DynamicMLPC(BlocksFusion):
    """Variant C; 6,775,232 parameters at F = 2048 and the defaults."""

    block = BlockC
