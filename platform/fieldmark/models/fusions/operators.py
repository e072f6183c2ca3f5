"""The three ways of putting two vectors together that the Dynamic MLP is compared with."""

from typing import Literal

import torch
from torch import Tensor

Operator = Literal["concat", "add", "multiply"]


def combine(operator: Operator, x_BD: Tensor, y_BD: Tensor) -> Tensor:
    """Returns both side by side (B, 2 D), their sum or their elementwise product (B, D)."""
    if operator == "concat":
        return torch.cat([x_BD, y_BD], dim=1)
    return x_BD + y_BD if operator == "add" else x_BD * y_BD


def combined_width(operator: Operator, width: int) -> int:
    """Returns the width of two combined vectors of this width."""
    return 2 * width if operator == "concat" else width
