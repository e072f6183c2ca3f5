"""A transformer's tokens as a map, and back, so that what works on a map works on tokens, too."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def tokens_to_map(tokens_BNF: Tensor, prefix: int) -> Tensor:
    """Returns tokens as a map (B, F, H, W).

    Class and register tokens stand first, padded with zeros to whole rows; the grid of patches follows, a square where
    their number is one, else one column.

    Args:
        tokens_BNF: prefix tokens, then patches row by row.
        prefix: the number of prefix tokens.
    """
    patches = tokens_BNF.shape[1] - prefix
    side = math.isqrt(patches)
    columns = max(side, 1) if side * side == patches else 1
    padding = _rows(prefix, columns) * columns - prefix
    prefix_BPF = functional.pad(tokens_BNF[:, :prefix], (0, 0, 0, padding))
    cells_BNF = torch.cat([prefix_BPF, tokens_BNF[:, prefix:]], dim=1)
    return cells_BNF.transpose(1, 2).reshape(len(cells_BNF), cells_BNF.shape[2], -1, columns)


def map_to_tokens(map_BFHW: Tensor, prefix: int) -> Tensor:
    """Returns the tokens (B, N, F) of a map that `tokens_to_map` made."""
    columns = map_BFHW.shape[3]
    cells_BNF = map_BFHW.flatten(2).transpose(1, 2)
    return torch.cat([cells_BNF[:, :prefix], cells_BNF[:, _rows(prefix, columns) * columns :]], dim=1)


def places_of_map(map_BFHW: Tensor, prefix: int | None) -> Tensor:
    """Returns the rows of a map that are places in the picture, without those of prefix tokens (`Backbone.prefix`)."""
    return map_BFHW if prefix is None else map_BFHW[:, :, _rows(prefix, map_BFHW.shape[3]) :]


def prefix_of(tokens: int) -> int:
    """Returns how many of N tokens are more than a square grid: class and register tokens of a square picture."""
    return tokens - math.isqrt(tokens) ** 2


def _rows(prefix: int, columns: int) -> int:
    return -(-prefix // columns)
