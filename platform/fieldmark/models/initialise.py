"""First weights of convolutional networks (SPEC 4.1)."""

from torch import nn


def initialise_convolutions(network: nn.Module) -> None:
    """Draws every convolution's weights Kaiming-normal by fan-out; batch norm is (1, 0) already, linear PyTorch's."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
