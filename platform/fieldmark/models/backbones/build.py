"""How a backbone is made: by name, measured, and given its first weights."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from fieldmark.errors import UserError
from fieldmark.models.backbones.base import Backbone, BackboneSettings
from fieldmark.models.backbones.registry import own_class
from fieldmark.models.backbones.timm_backbone import timm_backbone
from fieldmark.models.backbones.timm_names import check_known
from fieldmark.models.backbones.timm_weights import TIMM, resolved_timm
from fieldmark.models.backbones.weights import load_weights


def build_backbone(
    name: str, *, weights: str = "none", file: str | None = None, resolution: int = 224, drop_path: float = 0.0
) -> Backbone:
    """Returns a new backbone.

    Args:
        name: a timm model name, one of our own (sk2res2net101, botnet152, pvt_large_v1), or one that a user's file
            registered by `@backbone`.
        weights: `none`; `timm:NAME.TAG` for timm's pretrained weights of that tag; `sha256:...` for those in `file`.
        file: a local file of weights (safetensors, or a PyTorch file that loads with `weights_only`).
        resolution: side of the pictures, for networks that must know it.
        drop_path: stochastic depth, where the network has it.

    Raises:
        UserError: an unknown name (the closest are named), weights that cannot be had or do not fit, pictures that the
            network cannot take.
    """
    if weights != "none" and not weights.startswith((TIMM, "sha256:")):
        raise UserError(f"weights {weights!r}: expected none, timm:NAME.TAG, or sha256:... of a file")
    built = _new(name, BackboneSettings(resolution=resolution, drop_path=drop_path), weights)
    built.map_width = _measured_map_width(name, built, resolution)
    if weights.startswith("sha256:"):
        if file is None:
            raise UserError(f"weights {weights[:19]}...: name the file that has them (--weights-file FILE)")
        load_weights(built, file, digest=weights)
    return built


def _new(name: str, settings: BackboneSettings, weights: str) -> Backbone:
    if weights.startswith(TIMM):
        tagged = resolved_timm(name, weights).removeprefix(TIMM)
        return timm_backbone(tagged, settings, pretrained=True)
    own = own_class(name)
    if own is not None:
        return own(settings)
    check_known(name)
    return timm_backbone(name, settings, pretrained=False)


class _Parts(nn.Module):
    """Both outputs in one call, which is all that `functional_call` knows."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, image_B3HW: Tensor) -> tuple[Tensor, Tensor]:
        map_BFHW = self.backbone.map(image_B3HW)
        return map_BFHW, self.backbone.pool(map_BFHW)


def _measured_map_width(name: str, built: Backbone, resolution: int) -> int:
    """Returns the channels of the map, seen on the meta device: shapes only, at no cost."""
    parts, training = _Parts(built), built.training
    tensors = {key: tensor.to("meta") for key, tensor in (*parts.named_parameters(), *parts.named_buffers())}
    parts.eval()
    try:
        with torch.no_grad(), torch.device("meta"):
            map_BFHW, pooled_BF = functional_call(parts, tensors, torch.empty(1, 3, resolution, resolution))
    except Exception as error:  # a network's own complaint, of whatever type
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise UserError(
            f"backbone {name} cannot take pictures of {resolution} x {resolution} pixels: {reason}"
        ) from error
    finally:
        parts.train(training)
    if map_BFHW.ndim != 4 or pooled_BF.shape != (1, built.width):
        found = f"a map of {tuple(map_BFHW.shape)} and a feature of {tuple(pooled_BF.shape)}"
        raise UserError(
            f"backbone {name}: expected a map (1, F, H, W) and a feature (1, {built.width}); it gives {found}"
        )
    return int(map_BFHW.shape[1])
