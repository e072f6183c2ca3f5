"""`fieldmark models`: which backbones and fusions there are, and how large a model of them is."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fieldmark.cli.common import JsonFlag, print_json
from fieldmark.cli.defined import defined
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.config.classifier import ClassifierConfig

ImportFlag = Annotated[
    tuple[str, ...],
    Parameter(name="--import", negative=(), help="A Python file that registers a fusion or backbone; repeatable."),
]
SetFlag = Annotated[
    tuple[str, ...], Parameter(name="--set", negative=(), help="A setting of the fusion, e.g. d=128; repeatable.")
]


def list_models(
    *,
    backbones: Annotated[str | None, Parameter(help="Name only the backbones that match, e.g. 'resnet*'.")] = None,
    extensions: ImportFlag = (),
    json: JsonFlag = False,
) -> None:
    """Name every fusion and every backbone that is not timm's, and where each is defined."""
    run_extensions(extensions)
    parts = {
        "fusions": defined("fusion", imported=bool(extensions)),
        "backbones": defined("backbone", imported=bool(extensions)),
    }
    own = [row["name"] for row in parts["backbones"]]
    timm, count = ([], None) if backbones is None else _timm(backbones, own)
    if json:
        print_json({**parts, "timm_count": count, "timm": timm})
    elif backbones is not None:
        print("\n".join([*fnmatch.filter(own, backbones), *timm]))
    else:
        _print_parts(parts)


def _timm(pattern: str, own: Sequence[str]) -> tuple[list[str], int]:
    """Returns timm's names that match, and how many it has; counting them imports it, which takes seconds."""
    from fieldmark.models.backbones import timm_names

    found = list(timm_names(pattern))
    if not found and not fnmatch.filter(own, pattern):
        raise UserError(f"--backbones {pattern}: no backbone's name matches; try e.g. 'resnet*'")
    return found, len(timm_names())


def _print_parts(parts: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
    width = max(len(row["name"]) for rows in parts.values() for row in rows)
    for title, rows in parts.items():
        print(f"{title}:")
        for row in rows:
            print(f"{row['name']:<{width}} {row['defined_in']}")
        print()
    print("and timm's, by their names: --backbones 'resnet*' lists those that match")


def describe(
    *,
    backbone: Annotated[str, Parameter(help="A timm model name, or one of `fieldmark models list`.")],
    fusion: Annotated[str, Parameter(help="A fusion of `fieldmark models list`.")],
    classes: Annotated[int, Parameter(help="Number of categories.")],
    resolution: Annotated[int, Parameter(help="Side of the square pictures, in pixels.")] = 224,
    settings: SetFlag = (),
    extensions: ImportFlag = (),
    json: JsonFlag = False,
) -> None:
    """Print a model's parameters, multiply-adds for one picture, and the width of its pooled feature."""
    checked_classes(classes)  # before torch is imported
    run_extensions(extensions)
    config = model_config(backbone, fusion, resolution=resolution, settings=settings)
    from fieldmark.models.describe import describe_classifier

    found = describe_classifier(config, classes)
    if json:
        print_json(asdict(found))
        return
    print(f"parameters      {found.parameters:,}")
    print(f"multiply-adds   {found.multiply_adds / 1e9:.3f} G for one picture of {resolution} x {resolution}")
    print(f"feature width   {found.feature_width:,}")


def model_config(
    backbone: str, fusion: str, *, resolution: int = 224, settings: tuple[str, ...] = (), **inputs: Any
) -> "ClassifierConfig":
    """Returns the configuration of a model that the flags describe; all else is at its default.

    Raises:
        UserError: naming the flag whose value does not fit.
    """
    from pydantic import ValidationError

    from fieldmark.config.classifier import ClassifierConfig
    from fieldmark.search.options import describe_invalid
    from fieldmark.search.training.choices import fusion_settings

    chosen = fusion_settings(fusion, settings)
    try:
        return ClassifierConfig(
            backbone=backbone, fusion=fusion, fusion_settings=chosen, resolution=resolution, **inputs
        )
    except ValidationError as error:
        raise UserError(describe_invalid(error)) from error


def checked_classes(classes: int) -> int:
    """Returns the number of categories.

    Raises:
        UserError: it is not a positive number.
    """
    if classes < 1:
        raise UserError(f"--classes {classes}: expected a whole number of at least 1")
    return classes


def run_extensions(files: tuple[str, ...]) -> None:
    """Runs users' files, which register what they define.

    Raises:
        UserError: one cannot be read or run.
    """
    if files:
        from fieldmark.search.training.job import load_extensions, read_extensions

        load_extensions(read_extensions(files))
