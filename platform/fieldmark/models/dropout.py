"""Dropout that asks the random generator for 16 bits an element: on a CPU the draw, not the arithmetic, is its cost."""

import torch
from torch import Tensor, nn
from torch.nn import functional

STEPS = 2**16


class Dropout(nn.Dropout):
    """`nn.Dropout` with the share rounded to 1/65,536 (one half stays exact), several times as fast on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """Returns x in evaluation; in training, elements are zeroed independently and the others scaled up."""
        dropped = round(self.p * STEPS)
        if not self.training or not dropped:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.p, inplace=self.inplace)
        words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.int16)[: x.numel()].view(x.shape) >= dropped - STEPS // 2
        factor = kept.to(x.dtype).mul_(STEPS / (STEPS - dropped))
        return x.mul_(factor) if self.inplace else x * factor
