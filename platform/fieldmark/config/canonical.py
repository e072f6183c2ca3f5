"""What changes no number has one value, so that the same numbers have one name."""

from typing import Any

from fieldmark.config.classifier import ClassifierConfig, ClassifierFields, FrozenConfig
from fieldmark.config.fusions import Fusions
from fieldmark.config.recipe import RecipeConfig

LOCATION_FIELDS = (
    "encoding",
    "date",
    "feature_order",
    "date_convention",
    "missing",
    "location_width",
    "location_blocks",
    "location_dropout",
)
"""Fields that change nothing where place and date are not looked at."""

SIZES_OF_FILES = ("picture_side", "center_share")
"""Fields that change nothing on the world, whose pictures are drawn at the resolution and never cropped to be seen."""

SHAPING_VIEWS = ("crop_area", "flip", "rand_augment", "random_erasing", "precision")
"""Fields of a recipe that decide which features of training pictures are cached."""

RADIUS = "radius_km"
"""The one setting of a fusion that has nothing to train."""


def image_only(config: ClassifierConfig) -> ClassifierConfig:
    """Returns the same classifier without place and date; what concerns them is at its default."""
    kept = {
        name: value
        for name, value in config.model_dump(mode="json").items()
        if name not in LOCATION_FIELDS and not name.startswith("fusion")
    }
    return ClassifierConfig.model_validate({**kept, "fusion": "image_only"})


def on_features(config: ClassifierConfig, views: int) -> FrozenConfig:
    """Returns the frozen form of a classifier: its fusion trained on so many cached views (SCIENCE rule 18).

    The backbone's weights are the image-only model's, and it always evaluates, so `weights` and `drop_path` are at
    their defaults. A batch goes through the fusion as one: `bn_batch` and `mixup_group`, which group no pictures here,
    are the batch. What shapes the views stays, even of a fusion that has nothing to train: the accuracy on them is
    told beside its result.

    Raises:
        ValueError: the recipe mixes pictures.
    """
    given = config.model_dump(mode="json", exclude={"method"})
    unused: dict[str, Any] = {"weights": "none", "drop_path": 0.0}
    if not trains(config):
        names = (*LOCATION_FIELDS, *(name for name in RecipeConfig.model_fields if name not in SHAPING_VIEWS))
        given = {name: value for name, value in given.items() if name not in names}
        unused |= {"mixup": 0.0, "date": False, "fusion_settings": {RADIUS: config.fusion_settings[RADIUS]}}
    batch = given.get("batch", RecipeConfig.model_fields["batch"].default)
    return FrozenConfig.model_validate({**given, **unused, "bn_batch": batch, "mixup_group": batch, "views": views})


def as_drawn(config: ClassifierConfig) -> ClassifierConfig:
    """Returns the same classifier of pictures that are drawn at its resolution."""
    return _with_defaults(config, SIZES_OF_FILES, {})


def started(config: ClassifierConfig) -> ClassifierConfig:
    """Returns the same classifier when it starts from a trained model, whose weights replace all others."""
    given = {"weights": "none"}
    if trains(config):
        return _with_defaults(config, (), given)
    # The precision is that of the forward pass, too.
    unused = (*LOCATION_FIELDS, *(name for name in RecipeConfig.model_fields if name != "precision"))
    radius = {RADIUS: config.fusion_settings[RADIUS]}
    return _with_defaults(config, unused, {**given, "date": False, "fusion_settings": radius})


def trains(config: ClassifierFields) -> bool:
    """Whether the fusion has anything to train."""
    return config.fusion not in Fusions.untrained


def is_frozen(fusion: str) -> bool:
    """Whether a fusion leaves a trained image-only model as it is; torch is imported for a user's own only."""
    if fusion in Fusions.frozen:
        return True
    import sys

    registry = sys.modules.get("fieldmark.models.fusions.registry")
    return registry is not None and bool(registry.fusion_class(fusion).frozen_image)


def _with_defaults(config: ClassifierConfig, names: tuple[str, ...], values: dict[str, Any]) -> ClassifierConfig:
    kept = {name: value for name, value in config.model_dump(mode="json").items() if name not in names}
    return ClassifierConfig.model_validate({**kept, **values})
