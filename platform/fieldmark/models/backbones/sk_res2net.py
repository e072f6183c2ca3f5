"""SK-Res2Net-101: multi-scale residual blocks with selective kernels, as the Dynamic MLP authors train it.

After Gao et al. 2019 (Res2Net, 1904.01169) and Li et al. 2019 (SKNet, 1903.06586); SPEC 5.3. Modules have the names of
the official checkpoint.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from fieldmark.models.backbones.base import Backbone, BackboneSettings
from fieldmark.models.backbones.registry import backbone
from fieldmark.models.initialise import initialise_convolutions

SCALES = 4
"""Splits of a block's channels."""
BASE_WIDTH = 26
"""Channels of a split where a stage has 64 base channels; in proportion elsewhere."""
EXPANSION = 4


class SelectiveKernel(nn.Module):
    """x + (f - x) w: channel by channel, how much of a block's multi-scale features f replaces what they were made of.

    w comes from s mean(x) + (1 - s) mean(f), where s is the sigmoid of one learned number.
    """

    def __init__(self, channels: int) -> None:
        """Takes the channels of both; the bottleneck has a quarter of them, at least 32."""
        super().__init__()
        hidden = max(32, channels // 4)
        self.alpha = nn.Parameter(torch.zeros(1, 1, 1, 1))
        self.sk_proj = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, before_BCHW: Tensor, after_BCHW: Tensor) -> Tensor:
        """Returns the mixture (B, C, H, W)."""
        share = self.alpha.sigmoid()
        context_BC11 = share * _mean(before_BCHW) + (1 - share) * _mean(after_BCHW)
        weight_BC11 = self.sk_proj(context_BC11)
        return torch.lerp(before_BCHW, after_BCHW, weight_BC11)


class Bottleneck(nn.Module):
    """1x1, three 3x3 on splits that feed each other, selective kernel, 1x1, and the shortcut.

    In the first block of a stage the splits do not feed each other; there, pooling halves the map where `stride` is 2.
    """

    def __init__(self, inputs: int, planes: int, *, stride: int, first: bool) -> None:
        """Takes input channels, the stage's base channels and whether it is the stage's first block."""
        super().__init__()
        split, outputs = BASE_WIDTH * planes // 64, EXPANSION * planes
        self.first = first
        self.conv1 = nn.Conv2d(inputs, SCALES * split, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(SCALES * split)
        self.convs = nn.ModuleList(nn.Conv2d(split, split, 3, padding=1, bias=False) for _ in range(SCALES - 1))
        self.bns = nn.ModuleList(nn.BatchNorm2d(split) for _ in range(SCALES - 1))
        self.sk = SelectiveKernel(SCALES * split)
        self.pool = nn.AvgPool2d(3, stride=stride, padding=1) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(SCALES * split, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride) if first else nn.Identity()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Returns (B, 4 planes, H / stride, W / stride)."""
        before_BCHW = self.bn1(self.conv1(x_BCHW)).relu_()
        mixed_BCHW = self.pool(self.sk(before_BCHW, self._scales(before_BCHW)))
        out_BCHW: Tensor = self.bn3(self.conv3(mixed_BCHW)) + self.downsample(x_BCHW)
        return out_BCHW.relu_()

    def _scales(self, before_BCHW: Tensor) -> Tensor:
        *splits, last = before_BCHW.chunk(SCALES, dim=1)
        found: list[Tensor] = []
        for split, conv, norm in zip(splits, self.convs, self.bns, strict=True):
            fed = split if self.first or not found else split + found[-1]
            found.append(norm(conv(fed)).relu_())
        return torch.cat([*found, last], dim=1)


class SKRes2Net(Backbone):
    """Stages of such blocks behind a deep stem; a subclass sets the sizes."""

    depths: ClassVar[tuple[int, ...]]
    """Blocks of each stage; every stage but the first halves the map."""
    planes: ClassVar[int]
    """Base channels of the first stage; doubled from stage to stage."""

    def __init__(self, settings: BackboneSettings) -> None:
        """Takes pictures of any size; it has no stochastic depth."""
        super().__init__()
        half, inputs = self.planes // 2, self.planes
        self.stem = nn.Sequential(*_stem(3, half, 2), *_stem(half, half, 1), *_stem(half, inputs, 1))
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        for stage, depth in enumerate(self.depths):
            planes = self.planes * 2**stage
            self.add_module(f"layer{stage + 1}", _stage(inputs, planes, depth, stride=1 if stage == 0 else 2))
            inputs = EXPANSION * planes
        self.width = inputs
        initialise_convolutions(self)

    def map(self, image_B3HW: Tensor) -> Tensor:
        """Returns the last stage's map (B, F, H', W')."""
        x_BCHW = self.maxpool(self.stem(image_B3HW))
        for stage in range(len(self.depths)):
            x_BCHW = self.get_submodule(f"layer{stage + 1}")(x_BCHW)
        last_BFHW: Tensor = x_BCHW
        return last_BFHW

    def pool(self, map_BFHW: Tensor) -> Tensor:
        """Returns the mean over places (B, F)."""
        return map_BFHW.mean(dim=(2, 3))


@backbone("sk2res2net101")
class SKRes2Net101(SKRes2Net):
    """Stages of 3, 4, 23 and 3 blocks, F = 2048; 48,380,777 parameters with a classifier of 1,000."""

    depths = (3, 4, 23, 3)
    planes = 64


def _mean(x_BCHW: Tensor) -> Tensor:
    return x_BCHW.mean(dim=(2, 3), keepdim=True)


def _stem(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _stage(inputs: int, planes: int, depth: int, *, stride: int) -> nn.Sequential:
    first = Bottleneck(inputs, planes, stride=stride, first=True)
    return nn.Sequential(
        first, *(Bottleneck(EXPANSION * planes, planes, stride=1, first=False) for _ in range(depth - 1))
    )


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.AvgPool2d(stride, stride=stride, ceil_mode=True, count_include_pad=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )
