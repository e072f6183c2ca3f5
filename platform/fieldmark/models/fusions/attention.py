"""The Dynamic MLP with scaled dot-product attention in place of the generated matrix (Table S3; SPEC 4.3).

The supplement says where query, key and value come from, that all other layers are the Dynamic MLP's, and three
parameter counts (48.1, 48.1 and 49.6 M with ResNet-50 at 8,142 categories). No simple design meets all three, so the
layers here are one reading among many: no identity with the paper's is claimed, and a run records its actual count.

Vectors are cut into T tokens. The width of query and key is the one free size, and is solved: the blocks get the
published surplus over Dynamic MLP B's blocks, in proportion, so that other d, h and N have a target, too (the
backbone's width and the number of categories do not matter: all else is equal).
"""

from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from fieldmark.config.fusions import AttentionSettings, FusionSettings
from fieldmark.errors import UserError
from fieldmark.models.fusions.base import Sizes
from fieldmark.models.fusions.dynamic_mlp import BlockB, Layer, blocks
from fieldmark.models.fusions.registry import fusion
from fieldmark.models.fusions.skip import SkipFusion
from fieldmark.models.fusions.width import parameter_count

Source = Literal["image", "location", "both"]

TOTAL_B, BLOCKS_B = 47_408_334, 5_568_704
"""Parameters of Dynamic MLP B with ResNet-50 at 8,142 categories, and those of its two blocks."""


class AttentionBlock(nn.Module):
    """Width a to b: block B, whose branches give query on one side, key and value on the other."""

    def __init__(self, a: int, b: int, d: int, *, query: Source, key: Source, hidden: int, tokens: int) -> None:
        """Takes the widths, where query and key (with value) come from, the width of both, and T."""
        super().__init__()
        inputs = {"image": a, "location": d, "both": a + d}
        self.sources = (query, key)
        self.tokens = tokens
        self.query1, self.query2 = Layer(inputs[query], a), nn.Linear(a, hidden)
        self.key1, self.key2, self.value2 = Layer(inputs[key], a), nn.Linear(a, hidden), nn.Linear(a, b)
        self.br = nn.Sequential(nn.LayerNorm(b), nn.ReLU(inplace=True))
        self.conv3 = Layer(b, b, norm=True)

    def forward(self, t_BI: Tensor, e_BD: Tensor) -> Tensor:
        """Returns (B, b) for (B, a) and (B, d)."""
        query_B, key_B = (_chosen(source, t_BI, e_BD) for source in self.sources)
        hidden_BI = self.key1(key_B)
        query_BTW = self._cut(self.query2(self.query1(query_B)))
        key_BTW, value_BTV = self._cut(self.key2(hidden_BI)), self._cut(self.value2(hidden_BI))
        # Scaled before the product, which half precision might not hold.
        weight_BTT = ((query_BTW * query_BTW.shape[2] ** -0.5) @ key_BTW.mT).softmax(dim=2)
        outputs_BJ: Tensor = self.conv3(self.br((weight_BTT @ value_BTV).flatten(1)))
        return outputs_BJ

    def _cut(self, x_BW: Tensor) -> Tensor:
        return x_BW.view(len(x_BW), self.tokens, -1)


class AttentionFusion(SkipFusion):
    """The Dynamic MLP's frame around attention blocks."""

    query: ClassVar[Source]
    key: ClassVar[Source]
    """Where keys and values come from."""
    published: ClassVar[float]
    """Parameters with ResNet-50 at 8,142 categories."""

    def __init__(self, sizes: Sizes, settings: FusionSettings) -> None:
        """Takes the sizes, d, h, N, the number of tokens and the hidden width; 0 solves for it."""
        assert isinstance(settings, AttentionSettings)
        _check_tokens(settings)
        super().__init__(sizes, settings, d=settings.d)
        self.hidden = settings.hidden or self._solved(settings)
        self.conv2 = self._blocks(settings, self.hidden)

    def join(self, t_BD: Tensor, e_BD: Tensor) -> Tensor:
        """Returns the last block's vector (B, d)."""
        for layer in self.conv2:
            assert isinstance(layer, nn.ModuleDict)
            t_BD = layer["dynamic_conv"](t_BD, e_BD)
        return t_BD

    def _blocks(self, settings: AttentionSettings, hidden: int) -> nn.ModuleList:
        block = partial(AttentionBlock, query=self.query, key=self.key, hidden=hidden, tokens=settings.tokens)
        return blocks(block, settings)

    def _solved(self, settings: AttentionSettings) -> int:
        """Returns the multiple of T that comes nearest to the target; the count is linear in the width."""
        target = parameter_count(lambda: blocks(BlockB, settings)) * (1 + (self.published - TOTAL_B) / BLOCKS_B)
        narrowest = parameter_count(lambda: self._blocks(settings, settings.tokens))
        step = parameter_count(lambda: self._blocks(settings, 2 * settings.tokens)) - narrowest
        return settings.tokens * (1 + max(0, round((target - narrowest) / step)))


@fusion("attention_image", settings=AttentionSettings)
class AttentionImage(AttentionFusion):
    """Query from the image, key and value from the location (S3's first row)."""

    query, key, published = "image", "location", 48.1e6


@fusion("attention_location", settings=AttentionSettings)
class AttentionLocation(AttentionFusion):
    """Query from the location, key and value from the image (S3's second row)."""

    query, key, published = "location", "image", 48.1e6


@fusion("attention_concat", settings=AttentionSettings)
class AttentionConcat(AttentionFusion):
    """Query, key and value from both side by side (S3's third row)."""

    query, key, published = "both", "both", 49.6e6


def _chosen(source: Source, t_BI: Tensor, e_BD: Tensor) -> Tensor:
    if source == "both":
        return torch.cat([t_BI, e_BD], dim=1)
    return t_BI if source == "image" else e_BD


def _check_tokens(settings: AttentionSettings) -> None:
    narrow = {"h": settings.h} if settings.blocks > 1 else {}
    for name, width in {"d": settings.d, **narrow, "hidden": settings.hidden}.items():
        if width % settings.tokens:
            raise UserError(
                f"fusion setting {name}={width}: expected a multiple of tokens={settings.tokens}, into which it is cut"
            )
