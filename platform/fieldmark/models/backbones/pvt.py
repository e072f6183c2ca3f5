"""PVT-Large, the first version: a pyramid of transformers whose keys are pooled (Wang et al. 2021, 2102.12122).

Modules have the names of the official checkpoint. Position embeddings are those of 224 pixels, and interpolated at
other sizes, so that one file of weights serves every size.
"""

from typing import ClassVar

import torch
from timm.layers import DropPath, Mlp
from torch import Tensor, nn
from torch.nn import functional

from fieldmark.models.backbones.base import Backbone, BackboneSettings
from fieldmark.models.backbones.layout import map_to_tokens, tokens_to_map
from fieldmark.models.backbones.registry import backbone
from fieldmark.models.initialise import initialise_convolutions

NORM_EPS = 1e-6


class PatchEmbed(nn.Module):
    """Patches that do not overlap, each to one token."""

    def __init__(self, inputs: int, width: int, patch: int) -> None:
        """Takes channels of the map, width of the tokens and the patch's side."""
        super().__init__()
        self.proj = nn.Conv2d(inputs, width, patch, stride=patch)
        self.norm = nn.LayerNorm(width)

    def forward(self, map_BCHW: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Returns the tokens (B, N, width) and the rows and columns of their grid."""
        patches_BCHW = self.proj(map_BCHW)
        height, width = patches_BCHW.shape[2:]
        return self.norm(_tokens(patches_BCHW)), (height, width)


class ReducedAttention(nn.Module):
    """Self-attention of all tokens to a grid of keys that is `reduction` times coarser on both sides."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        """Takes the tokens' width, the heads, and the reduction (1: none)."""
        super().__init__()
        self.heads, self.reduction = heads, reduction
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        if reduction > 1:
            self.sr = nn.Conv2d(width, width, reduction, stride=reduction)
            self.norm = nn.LayerNorm(width)

    def forward(self, tokens_BNF: Tensor, grid: tuple[int, int]) -> Tensor:
        """Returns (B, N, F)."""
        key_BKF, value_BKF = self.kv(self._coarser(tokens_BNF, grid)).chunk(2, dim=2)
        found_BGND = functional.scaled_dot_product_attention(
            self._split(self.q(tokens_BNF)), self._split(key_BKF), self._split(value_BKF)
        )
        out_BNF: Tensor = self.proj(found_BGND.transpose(1, 2).flatten(2))
        return out_BNF

    def _coarser(self, tokens_BNF: Tensor, grid: tuple[int, int]) -> Tensor:
        if self.reduction == 1:
            return tokens_BNF
        coarse_BKF: Tensor = self.norm(_tokens(self.sr(_map(tokens_BNF, grid))))
        return coarse_BKF

    def _split(self, tokens_BNF: Tensor) -> Tensor:
        return tokens_BNF.reshape(*tokens_BNF.shape[:2], self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    """Attention and a two-layer network, each behind a norm and beside a shortcut."""

    def __init__(self, width: int, heads: int, reduction: int, mlp_ratio: int, drop_path: float) -> None:
        """Takes the stage's sizes and this block's chance to be skipped."""
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = ReducedAttention(width, heads, reduction)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = Mlp(width, mlp_ratio * width)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens_BNF: Tensor, grid: tuple[int, int]) -> Tensor:
        """Returns (B, N, F)."""
        tokens_BNF = tokens_BNF + self.drop_path(self.attn(self.norm1(tokens_BNF), grid))
        out_BNF: Tensor = tokens_BNF + self.drop_path(self.mlp(self.norm2(tokens_BNF)))
        return out_BNF


class PVT(Backbone):
    """Stages of such blocks, each behind patches of the last one's map; a subclass sets the sizes, one for each stage.

    The feature is the class token, which joins in the last stage.
    """

    prefix: int = 1
    widths: ClassVar[tuple[int, ...]]
    depths: ClassVar[tuple[int, ...]]
    heads: ClassVar[tuple[int, ...]]
    reductions: ClassVar[tuple[int, ...]]
    """How many times fewer rows and columns the keys have."""
    mlp_ratios: ClassVar[tuple[int, ...]]
    patches: ClassVar[tuple[int, ...]]
    sides: ClassVar[tuple[int, ...]]
    """Sides of the stages' maps at the size of pictures that position embeddings are stored for."""

    def __init__(self, settings: BackboneSettings) -> None:
        """Takes pictures of any size that gives every stage a key, and stochastic depth that rises by the block."""
        super().__init__()
        chances = iter(torch.linspace(0, settings.drop_path, sum(self.depths), device="cpu").tolist())
        for index, width in enumerate(self.widths):
            stage, tokens = index + 1, self.sides[index] ** 2 + self._is_last(index)
            inputs = self.widths[index - 1] if index else 3
            blocks = [
                Block(width, self.heads[index], self.reductions[index], self.mlp_ratios[index], next(chances))
                for _ in range(self.depths[index])
            ]
            self.add_module(f"patch_embed{stage}", PatchEmbed(inputs, width, self.patches[index]))
            self.register_parameter(f"pos_embed{stage}", nn.Parameter(_drawn(tokens, width)))
            self.add_module(f"block{stage}", nn.ModuleList(blocks))
        self.width = self.widths[-1]
        self.cls_token = nn.Parameter(_drawn(1, self.width))
        self.norm = nn.LayerNorm(self.width, eps=NORM_EPS)
        initialise_convolutions(self)

    def map(self, image_B3HW: Tensor) -> Tensor:
        """Returns the last stage's tokens (B, F, H', W'): the class token stands in the first row, padded by zeros."""
        tokens, map_BCHW = image_B3HW, image_B3HW
        for index in range(len(self.widths)):
            stage, last = index + 1, self._is_last(index)
            tokens, grid = self.get_submodule(f"patch_embed{stage}")(map_BCHW)
            if last:
                tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
            tokens = tokens + _resized(getattr(self, f"pos_embed{stage}"), grid, prefix=int(last))
            for block in self.get_submodule(f"block{stage}").children():
                tokens = block(tokens, grid)
            if not last:
                map_BCHW = _map(tokens, grid)
        return tokens_to_map(self.norm(tokens), prefix=self.prefix)

    def pool(self, map_BFHW: Tensor) -> Tensor:
        """Returns the class token (B, F)."""
        return map_to_tokens(map_BFHW, prefix=self.prefix)[:, 0]

    def _is_last(self, index: int) -> bool:
        return index == len(self.widths) - 1


@backbone("pvt_large_v1")
class PVTLarge(PVT):
    """Four stages of 3, 8, 27 and 3 blocks to a feature of 512; pictures from 32 pixels a side on."""

    widths = (64, 128, 320, 512)
    depths = (3, 8, 27, 3)
    heads = (1, 2, 5, 8)
    reductions = (8, 4, 2, 1)
    mlp_ratios = (8, 8, 4, 4)
    patches = (4, 2, 2, 2)
    sides = (56, 28, 14, 7)


def _map(tokens_BNF: Tensor, grid: tuple[int, int]) -> Tensor:
    return tokens_BNF.transpose(1, 2).reshape(len(tokens_BNF), tokens_BNF.shape[2], *grid)


def _tokens(map_BFHW: Tensor) -> Tensor:
    return map_BFHW.flatten(2).transpose(1, 2)


def _drawn(tokens: int, width: int) -> Tensor:
    return nn.init.trunc_normal_(torch.empty(1, tokens, width), std=0.02)


def _resized(embedding_1NF: Tensor, grid: tuple[int, int], prefix: int) -> Tensor:
    """Returns position embeddings (1, N', F) of another grid; those of prefix tokens are kept."""
    side = round((embedding_1NF.shape[1] - prefix) ** 0.5)
    if grid == (side, side):
        return embedding_1NF
    map_1FHW = _map(embedding_1NF[:, prefix:], (side, side))
    resized_1FHW = functional.interpolate(map_1FHW, size=grid, mode="bilinear", align_corners=False)
    return torch.cat([embedding_1NF[:, :prefix], _tokens(resized_1FHW)], dim=1)
