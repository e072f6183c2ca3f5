"""`fieldmark models`: which backbones and fusions there are, and how large a model of them is."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from fieldmark.cli.common import JsonFlag, print_json
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
    backbones: Annotated[str | None, Parameter(help="Name timm's that match, too, e.g. 'resnet*'.")] = None,
    extensions: ImportFlag = (),
    json: JsonFlag = False,
) -> None:
    """Name every fusion and every backbone that is not timm's, and where each is defined."""
    from fieldmark.models import backbones as own
    from fieldmark.models import fusions

    run_extensions(extensions)
    matching = None if backbones is None else own.timm_names(backbones)
    if backbones is not None and not matching:
        raise UserError(f"--backbones {backbones}: none of timm's names matches; try e.g. 'resnet*'")
    parts = {
        "fusions": _defined(fusions.names(), fusions.defined_in),
        "backbones": _defined(own.names(), own.defined_in),
    }
    count = len(own.timm_names())
    if json:
        print_json({**parts, "timm_count": count, "timm": list(matching or ())})
        return
    for title, rows in parts.items():
        print(title)
        for row in rows:
            print(f"  {row['name']:<22} {row['defined_in']:<66} {row['file']}")
    print(f"and timm's {count:,} by name" + ("; --backbones PATTERN lists them" if matching is None else ":"))
    for name in matching or ():
        print(f"  {name}")


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
    from fieldmark.models.describe import describe_classifier

    run_extensions(extensions)
    config = model_config(backbone, fusion, resolution=resolution, settings=settings)
    found = describe_classifier(config, checked_classes(classes))
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
    for file in files:
        from fieldmark.models.fusions import load_extension

        try:
            source = Path(file).read_text()
        except OSError as error:
            raise UserError(f"--import {file}: cannot be read ({error.strerror})") from error
        load_extension(source, file)


def _defined(names: tuple[str, ...], defined_in: Callable[[str], str]) -> list[dict[str, str]]:
    found = {name: defined_in(name) for name in names}
    return [{"name": name, "defined_in": where, "file": _file(where)} for name, where in found.items()]


def _file(where: str) -> str:
    return str(getattr(sys.modules.get(where.partition(":")[0]), "__file__", ""))
