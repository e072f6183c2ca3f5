"""The Dynamic MLP's own layers, with the matrix product replaced by a plain operator (Table S5; SPEC 4.3).

The paper fixes the counts only; the layers are SPEC's reading, which meets all three.
"""

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from fieldmark.config.fusions import DynamicMLPSettings
from fieldmark.models.fusions.dynamic_mlp import BlocksFusion, Layer
from fieldmark.models.fusions.operators import Operator, combine, combined_width
from fieldmark.models.fusions.registry import fusion


class DaggerBlock(nn.Module):
    """Width a to b: block B, but the generated matrix (a, b), averaged over a, meets the image's vector of width b."""

    operator: ClassVar[Operator]

    def __init__(self, a: int, b: int, d: int) -> None:
        """Takes the widths."""
        super().__init__()
        both = combined_width(self.operator, b)
        self.conv11 = Layer(a, a)
        self.conv12 = nn.Linear(a, b)
        self.conv21 = Layer(d, a)
        self.conv22 = nn.Linear(a, a * b)
        self.br = nn.Sequential(nn.LayerNorm(both), nn.ReLU(inplace=True))
        self.conv3 = Layer(both, b, norm=True)

    def forward(self, t_BI: Tensor, e_BD: Tensor) -> Tensor:
        """Returns (B, b) for (B, a) and (B, d)."""
        u_BJ = self.conv12(self.conv11(t_BI))
        joint_BK = combine(self.operator, u_BJ, self._mean_of_generated(self.conv21(e_BD)))
        outputs_BJ: Tensor = self.conv3(self.br(joint_BK))
        return outputs_BJ

    def _mean_of_generated(self, location_BI: Tensor) -> Tensor:
        # The mean of linear maps is the mean map: the B matrices are never made.
        inputs, outputs = self.conv12.in_features, self.conv12.out_features
        weight_IJK = self.conv22.weight.view(inputs, outputs, inputs)
        bias_IJ = self.conv22.bias.view(inputs, outputs)
        return functional.linear(location_BI, weight_IJK.mean(0), bias_IJ.mean(0))


class _ConcatBlock(DaggerBlock):
    operator = "concat"


class _AddBlock(DaggerBlock):
    operator = "add"


class _MultiplyBlock(DaggerBlock):
    operator = "multiply"


@fusion("concat_dagger", settings=DynamicMLPSettings)
class ConcatDagger(BlocksFusion):
    """Concatenation; 47,441,742 parameters with ResNet-50 at 8,142 categories."""

    block = _ConcatBlock


@fusion("add_dagger", settings=DynamicMLPSettings)
class AddDagger(BlocksFusion):
    """Addition; 47,371,470 parameters with ResNet-50 at 8,142 categories."""

    block = _AddBlock


@fusion("multiply_dagger", settings=DynamicMLPSettings)
class MultiplyDagger(BlocksFusion):
    """Elementwise multiplication; 47,371,470 parameters with ResNet-50 at 8,142 categories."""

    block = _MultiplyBlock
