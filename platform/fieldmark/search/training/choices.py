"""From the flags and the data's facts to a classifier's configuration."""

import json
import math
from typing import Any

from pydantic import ValidationError

from fieldmark.config import ClassifierConfig, Fusions, RecipeConfig, Recipes
from fieldmark.errors import UserError
from fieldmark.search.training.facts import NO_DATES, NO_METADATA, NO_PLACES, TrainFacts
from fieldmark.search.training.options import TrainOptions, parse_pairs

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


def classifier_config(options: TrainOptions, facts: TrainFacts) -> tuple[ClassifierConfig, list[str]]:
    """Returns the configuration, and notes on what was chosen because of the data.

    Raises:
        UserError: naming the flag whose value does not fit, or a fusion that has nothing to look at.
    """
    scale = facts.scale_name(options.scale)
    fusion, notes = _fusion(options, facts)
    inputs, dropped = _inputs(facts)
    values = {
        **_recipe(options, DEFAULTS[scale]["recipe"]),
        "backbone": options.backbone or DEFAULTS[scale]["backbone"],
        "weights": _weights(options),
        "fusion": fusion,
        "fusion_settings": fusion_settings(fusion, options.fusion_settings),
        **_sizes(options, facts),
        **inputs,
    }
    config = _validated(values | _changes(options.changes))
    if config.batch > facts.pictures:
        raise UserError(
            f"--batch {config.batch}: there are {facts.pictures} training pictures; set a smaller --batch, a multiple "
            f"of --bn-batch ({config.bn_batch})"
        )
    return (image_only(config), notes) if fusion == "image_only" else (config, notes + dropped)


def fusion_settings(fusion: str, texts: tuple[str, ...]) -> dict[str, Any]:
    """Returns a fusion's settings, defaults filled in.

    Raises:
        UserError: for an unknown fusion or setting, or a value out of range.
    """
    if fusion not in Fusions.names():
        from fieldmark.models.fusions.registry import fusion_class

        fusion_class(fusion)  # of an installed package; or raises with the names that there are
    return Fusions.settings(fusion, dict(parse_pairs("--set", texts))).model_dump(mode="json")


def image_only(config: ClassifierConfig) -> ClassifierConfig:
    """Returns the same classifier without place and date; what concerns them is at its default, and so has one name."""
    kept = {
        name: value
        for name, value in config.model_dump(mode="json").items()
        if name not in LOCATION_FIELDS and not name.startswith("fusion")
    }
    return ClassifierConfig.model_validate({**kept, "fusion": "image_only"})


def allowed_workers(config: RecipeConfig) -> list[int]:
    """Returns the numbers of workers among which a batch can be dealt in whole groups (SCIENCE rule 17)."""
    units = config.batch // math.lcm(config.bn_batch, config.mixup_group)
    return [count for count in range(1, units + 1) if units % count == 0]


def checked_workers(config: RecipeConfig, least: int, most: int) -> list[int]:
    """Returns the allowed numbers of workers in a range.

    Raises:
        UserError: there is none; lists what is allowed.
    """
    allowed = allowed_workers(config)
    found = [count for count in allowed if least <= count <= most]
    if not found:
        wanted = str(least) if least == most else f"{least}..{most}"
        raise UserError(
            f"--workers {wanted}: batch {config.batch} in whole groups of bn_batch {config.bn_batch} and mixup_group "
            f"{config.mixup_group} allows {', '.join(map(str, allowed))}"
        )
    return found


def _fusion(options: TrainOptions, facts: TrainFacts) -> tuple[str, list[str]]:
    if facts.has_places or facts.has_dates:
        return options.fusion or "dynamic_mlp_c", []
    if options.fusion in (None, "image_only"):
        return "image_only", [] if options.fusion else [NO_METADATA]
    raise UserError(
        f"--fusion {options.fusion}: no training record of {facts.card.spec} has a place or a date to look at; "
        "use --fusion image_only"
    )


def _inputs(facts: TrainFacts) -> tuple[dict[str, Any], list[str]]:
    """Returns the inputs that the data lack, switched off."""
    inputs: dict[str, Any] = {}
    notes = []
    if not facts.has_dates:
        inputs["date"] = False
        notes.append(NO_DATES)
    if not facts.has_places:
        inputs["encoding"] = "none"
        notes.append(NO_PLACES)
    return inputs, notes


def _sizes(options: TrainOptions, facts: TrainFacts) -> dict[str, Any]:
    """Returns the resolution, and at smoke scale the size to which photographs are shrunk before they are cropped."""
    scale = facts.scale_name(options.scale)
    resolution = options.resolution or DEFAULTS[scale]["resolution"]
    shrunk = scale == "smoke" and not facts.is_world
    return {"resolution": resolution, "picture_side": round(resolution / CENTER_SHARE) if shrunk else None}


def _recipe(options: TrainOptions, default: str) -> dict[str, Any]:
    values = Recipes.NAMES[options.recipe or default].model_dump(mode="json")
    for name in ("epochs", "batch", "bn_batch", "lr", "precision"):
        given = getattr(options, name)
        if given is not None:
            values[name] = given
    if options.bn_batch is not None:
        values["mixup_group"] = options.bn_batch  # every recipe has them equal
    return values


def _weights(options: TrainOptions) -> str:
    if options.weights_file is None:
        return options.weights
    from fieldmark.data.fingerprint import hash_file

    try:
        return f"sha256:{hash_file(options.weights_file)}"
    except OSError as error:
        raise UserError(f"--weights-file {options.weights_file}: {error.strerror or error}") from None


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
