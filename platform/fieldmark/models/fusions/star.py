"""Concatenation, addition and multiplication with as many parameters as the Dynamic MLP (Table S4; SPEC 4.3).

The paper fixes the count only; the layers are SPEC's reading.
"""

from typing import ClassVar

from torch import Tensor, nn

from fieldmark.config.fusions import DynamicMLPSettings, FusionSettings, SolvedSettings
from fieldmark.models.fusions.base import Sizes
from fieldmark.models.fusions.dynamic_mlp import BlockB, blocks
from fieldmark.models.fusions.operators import Operator, combine, combined_width
from fieldmark.models.fusions.registry import fusion
from fieldmark.models.fusions.skip import SkipFusion
from fieldmark.models.fusions.width import parameter_count, smallest_width


def _wide(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.LayerNorm(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, outputs),
        nn.LayerNorm(outputs),
        nn.ReLU(inplace=True),
    )


class StarFusion(SkipFusion):
    """The two vectors put together, one wide hidden layer, and back to d."""

    operator: ClassVar[Operator]

    def __init__(self, sizes: Sizes, settings: FusionSettings) -> None:
        """Takes the sizes, d and the hidden width; 0 solves for it."""
        assert isinstance(settings, SolvedSettings)
        d = settings.d
        super().__init__(sizes, settings, d=d)
        inputs = combined_width(self.operator, d)
        # All other layers are those of Dynamic MLP B: the totals are equal where these are.
        same = DynamicMLPSettings(d=d, h=max(1, d // 4), blocks=2)
        target = parameter_count(lambda: blocks(BlockB, same))
        self.hidden = settings.hidden or smallest_width(lambda width: _wide(inputs, width, d), target)
        self.mlp = _wide(inputs, self.hidden, d)

    def join(self, t_BD: Tensor, e_BD: Tensor) -> Tensor:
        """Returns the joint vector (B, d)."""
        joint_BD: Tensor = self.mlp(combine(self.operator, t_BD, e_BD))
        return joint_BD


@fusion("concat_star", settings=SolvedSettings)
class ConcatStar(StarFusion):
    """Concatenation; hidden width 7,222 at the defaults."""

    operator = "concat"


@fusion("add_star", settings=SolvedSettings)
class AddStar(StarFusion):
    """Addition; hidden width 10,812 at the defaults."""

    operator = "add"


@fusion("multiply_star", settings=SolvedSettings)
class MultiplyStar(StarFusion):
    """Elementwise multiplication; hidden width 10,812 at the defaults."""

    operator = "multiply"
