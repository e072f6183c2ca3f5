"""The backbone families of the supplement: what is run at paper scale, and what stands in at smoke scale."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Family(BaseModel):
    """A backbone as printed, with the networks that are run for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str
    """At paper scale."""
    stand_in: str
    """At smoke scale: a small network of the same kind."""
    recipe: Literal["paper_cnn", "transformer"]
    """By which the text trains such networks (section B.1)."""
    weights: str = "none"
    """What the paper-scale backbone starts from."""
    weights_note: str
    """What is assumed of it."""


_OWN_WEIGHTS = (
    "{} starts from random weights at paper scale: the paper's ImageNet weights of it are not published with a name "
    "(`fieldmark train --weights-file` takes a file)"
)

FAMILIES: dict[str, Family] = {
    "ResNet-50": Family(
        backbone="resnet50",
        stand_in="resnet_smoke",
        recipe="paper_cnn",
        weights="timm:resnet50.tv_in1k",
        weights_note="ResNet-50 starts from torchvision's first ImageNet weights, as in the authors' code",
    ),
    "SK-Res2Net-101": Family(
        backbone="sk2res2net101",
        stand_in="sk_res2net_smoke",
        recipe="paper_cnn",
        weights_note=_OWN_WEIGHTS.format("SK-Res2Net-101"),
    ),
    "BoTNet-152": Family(
        backbone="botnet152",
        stand_in="botnet_smoke",
        recipe="paper_cnn",
        weights_note=_OWN_WEIGHTS.format("BoTNet-152"),
    ),
    "Swin-Large": Family(
        backbone="swin_large_patch4_window7_224",
        stand_in="swin_smoke",
        recipe="transformer",
        weights="timm:swin_large_patch4_window7_224.ms_in22k_ft_in1k",
        weights_note="Swin-Large starts from its authors' weights (ImageNet-22k, then 1k): the paper names none",
    ),
    "PVT-Large": Family(
        backbone="pvt_large_v1",
        stand_in="pvt_smoke",
        recipe="transformer",
        weights_note=_OWN_WEIGHTS.format("PVT-Large"),
    ),
}
"""By the name that the tables print."""
