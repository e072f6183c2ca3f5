"""From a configuration to an untrained classifier."""

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.errors import UserError
from fieldmark.models.backbones import build_backbone
from fieldmark.models.classifier import Classifier
from fieldmark.models.fusions import Sizes, build_fusion
from fieldmark.models.metadata import metadata_size


def build_classifier(config: ClassifierConfig, categories: int, *, weights_file: str | None = None) -> Classifier:
    """Returns a new classifier in training mode; random weights come from torch's global generator.

    Args:
        config: backbone, fusion and sizes.
        categories: C.
        weights_file: the file of the backbone's weights, where `config.weights` names one by its digest.

    Raises:
        UserError: an unknown backbone or fusion, weights that cannot be had or do not fit, parts that do not fit
            each other.
    """
    backbone = build_backbone(
        config.backbone,
        weights=config.weights,
        file=weights_file,
        resolution=config.resolution,
        drop_path=config.drop_path,
    )
    sizes = Sizes(
        features=backbone.width,
        categories=categories,
        metadata=metadata_size(config),
        location_width=config.location_width,
        location_blocks=config.location_blocks,
        location_dropout=config.location_dropout,
    )
    fusion = build_fusion(config.fusion, config.fusion_settings, sizes)
    changes_map = fusion.reads_map and getattr(fusion, "on_map", True)
    if changes_map and backbone.map_width != backbone.width:
        raise UserError(
            f"fusion {config.fusion} works on the map, which backbone {config.backbone} makes of {backbone.map_width} "
            f"channels for a feature of {backbone.width}; use --set where=pooled, or another backbone"
        )
    return Classifier(backbone, fusion)
