"""A setting of a space in the one form that has these numbers on this data."""

from fieldmark.config import ClassifierConfig, FrozenConfig
from fieldmark.config.canonical import image_only, is_frozen, on_features, started
from fieldmark.search.training.choices import GEONET
from fieldmark.search.training.facts import TrainFacts

VIEWS = 4
"""Augmented views of every training picture whose features are cached."""


def as_run(
    setting: ClassifierConfig, base: ClassifierConfig, facts: TrainFacts, *, frozen: bool
) -> tuple[ClassifierConfig | FrozenConfig, ClassifierConfig | None]:
    """Returns a setting's configuration, and that of the image-only model which it starts from, if it does.

    Args:
        setting: of the space, with the inputs that the data have.
        base: how an image-only model is trained that others start from.
        facts: of the data set.
        frozen: whether fusions are trained on cached features.
    """
    if not setting.looks_at_location:
        return image_only(setting), None
    if setting.fusion in GEONET:  # it looks at places alone
        setting = setting.model_copy(update={"date": False})
    alone = image_only(base)
    if frozen:
        return on_features(setting, VIEWS), alone
    return (started(setting), alone) if is_frozen(setting.fusion) else (setting, None)
