"""From a backbone family, a fusion and a scale to the configuration that is run.

All are canonical (`fieldmark.config.canonical`): crops and sizes of files are at their defaults, and what concerns
place and date is, too, where neither is looked at. So their runs have the names that `fieldmark train` gives them.
"""

from typing import Any

from fieldmark.config import ClassifierConfig, FrozenConfig, Fusions, RecipeConfig, Recipes, ScaleName
from fieldmark.config.canonical import image_only, on_features, started
from fieldmark.papers.families import FAMILIES

SMALLER = 8
"""Resolutions at smoke scale are the papers' divided by this."""
SMOKE_EPOCHS = 8
SMALL_FUSION = {"d": 32, "h": 8}
SMALL_LOCATION = {"location_width": 32}
FULL_DATA_EPOCHS = {"iNat2021": 60}
"""The text trains for 60 epochs on the full iNat2021, else for the recipe's 90."""

FROZEN = Recipes.NAMES["frozen"]
GEONET_FROZEN = Recipes.NAMES["geonet"].model_copy(
    update={"batch": 64, "crop_area": (0.7, 1.0), "precision": "float32"}
)
"""The supplement's own GeoNet, by SGD at its constant rate for 90 epochs, in the smoke recipe's batches and crops."""
VIEWS = 4
"""Augmented views whose features are cached."""


def resolution_at(scale: ScaleName, pixels: int) -> int:
    """Returns the side that is used at a scale for a published one."""
    return pixels if scale == "paper" else pixels // SMALLER


def whole(
    scale: ScaleName,
    family: str,
    fusion: str,
    dataset: str,
    *,
    resolution: int = 224,
    recipe: RecipeConfig | None = None,
    **fields: Any,
) -> ClassifierConfig:
    """Returns a classifier that is trained as a whole.

    Args:
        scale: `paper`: the published network by the published recipe; `smoke`: its stand-in, small and short.
        family: a key of `FAMILIES`.
        fusion: its name.
        dataset: the published one, on which the number of epochs depends.
        resolution: as published, in pixels.
        recipe: instead of the family's, or of the short smoke recipe.
        fields: further fields of the configuration.
    """
    known, smoke = FAMILIES[family], scale == "smoke"
    own = Recipes.NAMES["smoke" if smoke else known.recipe]
    epochs = SMOKE_EPOCHS if smoke else FULL_DATA_EPOCHS.get(dataset, own.epochs)
    chosen = recipe or own.model_copy(update={"epochs": epochs})
    values: dict[str, Any] = {name: getattr(chosen, name) for name in RecipeConfig.model_fields}
    if smoke:
        values |= {"backbone": known.stand_in, **SMALL_LOCATION, "fusion_settings": _small(fusion)}
    else:
        values |= {"backbone": known.backbone, "weights": known.weights}
    values |= {"fusion": fusion, "resolution": resolution_at(scale, resolution)}
    config = ClassifierConfig(**{**values, **fields})
    return config if config.looks_at_location else image_only(config)


def on_frozen(
    family: str, fusion: str, dataset: str, *, resolution: int = 224, recipe: RecipeConfig = FROZEN, **fields: Any
) -> FrozenConfig:
    """Returns a smoke-scale fusion that is trained on the features of `whole("smoke", family, "image_only", ...)`.

    Args:
        family: a key of `FAMILIES`.
        fusion: its name; not `image_only`.
        dataset: the published one.
        resolution: as published, in pixels.
        recipe: by which the fusion is trained.
        fields: further fields of the configuration.
    """
    return on_features(whole("smoke", family, fusion, dataset, resolution=resolution, recipe=recipe, **fields), VIEWS)


def geonet_started(family: str, dataset: str) -> ClassifierConfig:
    """Returns GeoNet's post-processing at paper scale; it starts from the trained image-only model of the family."""
    recipe = Recipes.NAMES["geonet"]
    return started(whole("paper", family, "geonet_post_add", dataset, recipe=recipe, date=False))


def _small(fusion: str) -> dict[str, int]:
    has = type(Fusions.settings(fusion, {})).model_fields
    return {name: value for name, value in SMALL_FUSION.items() if name in has}
