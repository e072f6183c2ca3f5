"""From the flags and the data's facts to a classifier's configuration."""

import json
from typing import Any

from pydantic import ValidationError

from fieldmark.config import ClassifierConfig, FrozenConfig, Fusions, RecipeConfig, Recipes
from fieldmark.config.canonical import SIZES_OF_FILES, as_drawn, image_only, is_frozen, on_features, trains
from fieldmark.errors import UserError
from fieldmark.search.training.facts import NO_DATES, NO_METADATA, NO_PLACES, TrainFacts
from fieldmark.search.training.options import TrainOptions, parse_pairs
from fieldmark.search.training.published import check_recipe

DEFAULTS: dict[str, dict[str, Any]] = {
    "smoke": {"recipe": "smoke", "backbone": "test_resnet", "resolution": 64},
    "paper": {"recipe": "paper_cnn", "backbone": "resnet50", "resolution": 224},
}
"""What stands for flags that are not given, by scale."""

OWN_FLAGS = (
    "backbone",
    "resolution",
    "epochs",
    "batch",
    "bn_batch",
    "lr",
    "precision",
    "weights",
    "fusion",
    "fusion_settings",
    "fusion_version",
    "method",
)
"""Fields that --change leaves to flags of their own."""

CENTER_SHARE = 0.875
"""Photographs are shrunk to so much more than the resolution that the centre crop is all that evaluation leaves out."""

GEONET = Fusions.frozen | {"geonet_modulate_add", "geonet_modulate_film"}
GEONET_RECIPE = "geonet"
FROZEN_RECIPE = "frozen"
PLACE_ONLY = "GeoNet looks at places, not at dates (an assumption); --change date=true adds them"


def classifier_config(options: TrainOptions, facts: TrainFacts) -> tuple[ClassifierConfig, list[str]]:
    """Returns the configuration, and notes on what was chosen because of the data.

    Raises:
        UserError: naming the flag whose value does not fit, or a fusion that has nothing to look at.
    """
    scale = facts.scale_name(options.scale)
    check_recipe(options.recipe, scale, frozen=options.frozen)
    fusion, notes = _fusion(options, facts)
    changes = _changes(options.changes)
    inputs, dropped = _inputs(fusion, facts, changes)
    backbone = options.backbone or DEFAULTS[scale]["backbone"]
    values = {
        **_recipe(options, recipe_name(options, facts)),
        "backbone": backbone,
        **_weights(options, backbone),
        "fusion": fusion,
        "fusion_settings": fusion_settings(fusion, options.fusion_settings),
        **_sizes(options, facts),
        **inputs,
    }
    config = _validated(values | changes)
    if facts.is_world:
        config = as_drawn(config)
        notes += [f"{name} changes nothing on the world" for name in changes if name in SIZES_OF_FILES]
    if fusion == "image_only":
        return image_only(config), notes
    _check_inputs(config, facts)
    return config, notes + dropped


def recipe_name(options: TrainOptions, facts: TrainFacts) -> str:
    """Returns the named recipe that the flags change."""
    if options.frozen:
        return options.recipe or FROZEN_RECIPE
    return options.recipe or str(DEFAULTS[facts.scale_name(options.scale)]["recipe"])


def reference_config(options: TrainOptions, facts: TrainFacts, config: ClassifierConfig) -> ClassifierConfig:
    """Returns the image-only classifier that stands beside one that looks at place and date.

    It has the same recipe, unless that is one for what stands on top of a well-trained image-only model, as GeoNet's
    and a fusion on cached features do: such a model itself is trained by the default recipe.
    """
    if options.frozen or (options.recipe == GEONET_RECIPE and is_frozen(config.fusion)):
        kept = (one for one in options.changes if one.partition("=")[0].strip() not in RecipeConfig.model_fields)
        own = options.model_copy(update={"recipe": None, "lr": None, "changes": tuple(kept), "frozen": False})
        config, _ = classifier_config(own, facts)
    return image_only(config)


def frozen_config(config: ClassifierConfig, views: int) -> FrozenConfig:
    """Returns the configuration of a fusion on cached features.

    Raises:
        UserError: a fusion that cannot be trained so, or a recipe that mixes pictures.
    """
    if not config.looks_at_location:
        raise UserError("--frozen: fusion image_only has nothing to train on a frozen image-only model")
    if config.fusion_settings.get("where") == "map":
        raise UserError(
            f"--frozen: fusion {config.fusion} works on the map, and pooled features are cached: add --set where=pooled"
        )
    if config.mixup or config.cutmix:
        raise UserError(
            "--frozen: features of pictures are cached one by one, so none are mixed: add --change mixup=0 "
            "--change cutmix=0, or leave --recipe out"
        )
    return on_features(config, views)


def fusion_settings(fusion: str, texts: tuple[str, ...]) -> dict[str, Any]:
    """Returns a fusion's settings, defaults filled in.

    Raises:
        UserError: for an unknown fusion or setting, or a value out of range.
    """
    if fusion not in Fusions.names():
        from fieldmark.models.fusions.registry import fusion_class

        fusion_class(fusion)  # of an installed package; or raises with the names that there are
    return Fusions.settings(fusion, dict(parse_pairs("--set", texts))).model_dump(mode="json")


def _fusion(options: TrainOptions, facts: TrainFacts) -> tuple[str, list[str]]:
    if facts.has_places or facts.has_dates:
        return options.fusion or "dynamic_mlp_c", []
    if options.fusion in (None, "image_only"):
        return "image_only", [] if options.fusion else [NO_METADATA]
    raise UserError(
        f"--fusion {options.fusion}: no training record of {facts.card.spec} has a place or a date to look at; "
        "use --fusion image_only"
    )


def _inputs(fusion: str, facts: TrainFacts, changes: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Returns the inputs that the data lack, or GeoNet does not look at, switched off."""
    inputs: dict[str, Any] = {}
    notes = []
    if not facts.has_dates:
        inputs["date"] = False
        notes.append(NO_DATES)
    elif fusion in GEONET and "date" not in changes:
        inputs["date"] = False
        notes += [PLACE_ONLY] if fusion not in Fusions.untrained else []
    if not facts.has_places:
        inputs["encoding"] = "none"
        notes.append(NO_PLACES)
    return inputs, notes


def _check_inputs(config: ClassifierConfig, facts: TrainFacts) -> None:
    if config.encoding == "none" and not (config.date and trains(config)):
        seen = "places" if config.fusion in GEONET else "places and dates"
        raise UserError(
            f"--fusion {config.fusion}: looks at {seen}, and there are none to look at "
            f"({'--change encoding=none' if facts.has_places else f'in {facts.card.spec}'}); use another fusion"
        )


def _sizes(options: TrainOptions, facts: TrainFacts) -> dict[str, Any]:
    """Returns the resolution, and at smoke scale the size to which photographs are shrunk before they are cropped."""
    scale = facts.scale_name(options.scale)
    resolution = options.resolution or DEFAULTS[scale]["resolution"]
    shrunk = scale == "smoke" and not facts.is_world
    return {"resolution": resolution, "picture_side": round(resolution / CENTER_SHARE) if shrunk else None}


def _recipe(options: TrainOptions, name: str) -> dict[str, Any]:
    values = Recipes.NAMES[name].model_dump(mode="json")
    for field in ("epochs", "batch", "bn_batch", "lr", "precision"):
        given = getattr(options, field)
        if given is not None:
            values[field] = given
    if options.frozen:
        values["bn_batch"] = values["batch"]  # nothing is grouped
    if options.frozen or options.bn_batch is not None:
        values["mixup_group"] = values["bn_batch"]  # every recipe has them equal
    return values


def _weights(options: TrainOptions, backbone: str) -> dict[str, Any]:
    """Returns what the backbone starts from; torch is imported for timm's weights only."""
    if options.weights_file is not None:
        return {"weights": _digest(options.weights_file)}
    if options.weights == "none":
        return {"weights": "none"}
    from fieldmark.models.backbones.timm_weights import normalisation_of, resolved_timm

    weights = resolved_timm(backbone, options.weights)
    return {"weights": weights, "normalisation": normalisation_of(weights)}


def _digest(file: str) -> str:
    from fieldmark.data.fingerprint import hash_file

    try:
        return f"sha256:{hash_file(file)}"
    except OSError as error:
        raise UserError(f"--weights-file {file}: {error.strerror or error}") from None


def _changes(texts: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in parse_pairs("--change", texts).items():
        if name in OWN_FLAGS:
            raise UserError(f"--change {name}: has a flag of its own")
        if name not in ClassifierConfig.model_fields:
            keys = [key for key in ClassifierConfig.model_fields if key not in OWN_FLAGS]
            raise UserError(f"--change {name}: there is no such field; there are {', '.join(keys)}")
        try:
            found[name] = json.loads(text) if text == "null" or text.startswith("[") else text
        except ValueError:
            raise UserError(f"--change {name}={text}: expected a list such as [0.7,1.0]") from None
    return found


def _validated(values: dict[str, Any]) -> ClassifierConfig:
    try:
        return ClassifierConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{where}: {message}" if where else f"{message} (--batch, --bn-batch)") from None
