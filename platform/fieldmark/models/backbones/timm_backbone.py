"""Backbones by timm's names: `timm.create_model`, without a classifier."""

from typing import Any

from torch import Tensor, nn

from fieldmark.errors import UserError
from fieldmark.models.backbones.base import Backbone, BackboneSettings
from fieldmark.models.backbones.layout import map_to_tokens, prefix_of, tokens_to_map


class TimmBackbone(Backbone):
    """A timm network under its own parameter names.

    The network is not a submodule, which would put a prefix before every name: this module holds the very same
    dictionaries of parameters, buffers and submodules, so to PyTorch it is the network.
    """

    _network: Any

    def __init__(self, network: nn.Module) -> None:
        """Takes a network made with `num_classes=0`."""
        super().__init__()
        self._parameters, self._buffers, self._modules = network._parameters, network._buffers, network._modules
        self._non_persistent_buffers_set = network._non_persistent_buffers_set
        self.__dict__["_network"] = network
        self.width = int(network.head_hidden_size)  # type: ignore[arg-type]
        self._channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"

    def map(self, image_B3HW: Tensor) -> Tensor:
        """Returns the last features (B, F, H', W'); of tokens, class and register tokens are in the first rows."""
        features = self._network.forward_features(image_B3HW)
        if not isinstance(features, Tensor):
            raise TypeError("its features are several maps, not one")
        if features.ndim == 3:
            given = getattr(self._network, "num_prefix_tokens", None)
            self.prefix = prefix_of(features.shape[1]) if given is None else given
            return tokens_to_map(features, self.prefix)
        return features.permute(0, 3, 1, 2) if self._channels_last else features

    def pool(self, map_BFHW: Tensor) -> Tensor:
        """Returns what timm's head makes of the features before its classifier (B, F)."""
        features = map_BFHW
        if self.prefix is not None:
            features = map_to_tokens(map_BFHW, self.prefix)
        elif self._channels_last:
            features = map_BFHW.permute(0, 2, 3, 1)
        pooled_BF: Tensor = self._network.forward_head(features, pre_logits=True)
        return pooled_BF

    def no_weight_decay(self) -> set[str]:
        """Returns the names of parameters that the network wants spared from weight decay."""
        asked = getattr(self._network, "no_weight_decay", None)
        return set() if asked is None else set(asked())

    def train(self, mode: bool = True) -> "TimmBackbone":
        """Switches the network, too, whose forward pass may ask it."""
        self._network.training = mode
        super().train(mode)
        return self


def create_network(name: str, settings: BackboneSettings, *, pretrained: bool = False) -> nn.Module:
    """Returns a timm network without classifier, told the resolution and drop path where it takes them.

    Residual networks begin with batch norm weights of one (SPEC 4.1), not timm's zero in every last one.
    """
    import timm

    wanted: dict[str, Any] = {"img_size": settings.resolution, "zero_init_last": False}
    if settings.drop_path:
        wanted["drop_path_rate"] = settings.drop_path
    while True:
        try:
            network: nn.Module = timm.create_model(name, pretrained=pretrained, num_classes=0, **wanted)
            return network
        except TypeError as error:
            refused = next((key for key in wanted if f"'{key}'" in str(error)), None)
            if refused is None:
                raise
            del wanted[refused]


def timm_backbone(name: str, settings: BackboneSettings, *, pretrained: bool) -> TimmBackbone:
    """Returns a timm network as a backbone.

    Raises:
        UserError: timm cannot make it, or its weights cannot be had (no network, or there are none).
    """
    try:
        return TimmBackbone(create_network(name, settings, pretrained=pretrained))
    except Exception as error:  # timm, its hub and the network raise whatever they like
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        if not pretrained:
            raise UserError(f"backbone {name}: timm cannot make it: {reason}") from error
        raise UserError(
            f"weights timm:{name} cannot be had ({reason}). "
            "Where there is no network, name a file of weights instead, or start from none."
        ) from error
