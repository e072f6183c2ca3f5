"""The PriorsNet network (Mac Aodha et al. 2019, section 3; SPEC 2.1), with the official parameter names."""

from torch import Tensor, nn

from fieldmark.models.dropout import Dropout


class ResidualBlock(nn.Module):
    """x + ReLU(W2 Dropout(ReLU(W1 x + b1)) + b2): the rectifier stands before the sum, none after it."""

    def __init__(self, width: int, dropout: float) -> None:
        """Takes the number of units and the share of them that training drops."""
        super().__init__()
        self.w1 = nn.Linear(width, width)
        self.w2 = nn.Linear(width, width)
        self.dropout = Dropout(dropout, inplace=True)

    def forward(self, x_BW: Tensor) -> Tensor:
        """Returns (B, W) for (B, W)."""
        # Dropping before the rectifier equals dropping after it, and no gradient needs an input: all in place.
        hidden_BW: Tensor = self.dropout(self.w1(x_BW)).relu_()
        change_BW: Tensor = self.w2(hidden_BW).relu_()
        return x_BW + change_BW


class LocationEncoder(nn.Sequential):
    """Place and date features to a vector: Linear, ReLU, residual blocks. Shared with the Dynamic MLP."""

    def __init__(self, inputs: int, *, width: int = 256, blocks: int = 4, dropout: float = 0.5) -> None:
        """Takes the sizes; 528,128 parameters at 6 inputs and the defaults."""
        super().__init__(nn.Linear(inputs, width), nn.ReLU(), *(ResidualBlock(width, dropout) for _ in range(blocks)))


class PriorsNet(nn.Module):
    """The encoder with a vector for every category and, where asked, every photographer."""

    def __init__(
        self, inputs: int, categories: int, *, users: int = 0, width: int = 256, blocks: int = 4, dropout: float = 0.5
    ) -> None:
        """Takes the sizes; without `users` there is no photographer matrix."""
        super().__init__()
        self.feats = LocationEncoder(inputs, width=width, blocks=blocks, dropout=dropout)
        self.class_emb = nn.Linear(width, categories, bias=False)
        self.user_emb = nn.Linear(width, users, bias=False) if users else None

    def forward(self, x_BF: Tensor) -> Tensor:
        """Returns the logits (B, C) of the presence probabilities of every category."""
        logits_BC: Tensor = self.class_emb(self.feats(x_BF))
        return logits_BC
