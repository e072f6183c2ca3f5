"""How large a classifier is and what it costs, without making it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.models.build import build_classifier
from fieldmark.models.fusions import Fusion, Metadata, build_fusion

if TYPE_CHECKING:
    from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """A classifier's size and cost."""

    parameters: int
    """All of them, whether they train or not."""
    multiply_adds: int
    """Of convolutions and matrix products, for one picture of the configuration's resolution."""
    feature_width: int
    """F, of the pooled feature."""


def describe_classifier(config: ClassifierConfig, categories: int) -> ModelDescription:
    """Returns a classifier's size and cost; shapes only, on the meta device.

    Args:
        config: the model; its weights are not fetched.
        categories: C.

    Raises:
        UserError: see `build_classifier`.
    """
    with torch.device("meta"):
        model = build_classifier(config.model_copy(update={"weights": "none"}), categories).eval()
        image_13HW = torch.empty(1, 3, config.resolution, config.resolution)
    with _counting() as backbone_counter:
        map_1FHW = model.backbone.map(image_13HW)
        pooled_1F = model.backbone.pool(map_1FHW)
    try:
        with _counting() as fusion_counter:
            _run(model.fusion, pooled_1F, map_1FHW)
    except Exception:  # it asks for values, which the meta device has not
        fusion = build_fusion(config.fusion, config.fusion_settings, model.fusion.sizes).eval()
        with _counting() as fusion_counter:
            _run(fusion, torch.zeros(pooled_1F.shape), torch.zeros(map_1FHW.shape))
    operations = backbone_counter.get_total_flops() + fusion_counter.get_total_flops()
    return ModelDescription(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        multiply_adds=operations // 2,  # a multiplication and an addition count as two
        feature_width=model.backbone.width,
    )


@contextmanager
def _counting() -> Iterator["FlopCounterMode"]:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        yield counter


def _run(fusion: Fusion, pooled_1F: Tensor, map_1FHW: Tensor) -> None:
    device = pooled_1F.device
    encoded_1M, place_12 = torch.zeros(1, fusion.sizes.metadata, device=device), torch.zeros(1, 2, device=device)
    metadata = Metadata(encoded_BM=encoded_1M, place_B2=place_12)
    if fusion.reads_map:
        fusion.modulate(map_1FHW, metadata)
    fusion(pooled_1F, metadata)
