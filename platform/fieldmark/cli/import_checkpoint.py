"""`fieldmark import-checkpoint`: a checkpoint of the Dynamic MLP authors' code becomes a file of ours."""

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from fieldmark.cli.models import ImportFlag, SetFlag, checked_classes, model_config, run_extensions
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.models.classifier import Classifier

INPUTS: dict[int | None, dict[str, Any]] = {
    None: {},
    6: {},
    4: {"date": False},
    2: {"encoding": "none"},
}
"""What a checkpoint looks at, by the number of encoded features that it reads."""


def import_checkpoint(
    file: str,
    /,
    *,
    backbone: Annotated[str, Parameter(help="What it was trained with, e.g. resnet50 or sk2res2net101.")],
    fusion: Annotated[str, Parameter(help="What it was trained with, e.g. dynamic_mlp_c or image_only.")],
    classes: Annotated[int, Parameter(help="Its number of categories.")],
    out: Annotated[Path, Parameter(help="The file to write; its name ends in .safetensors.")],
    feature_order: Annotated[
        Literal["dynamic_mlp", "priorsnet"],
        Parameter(help="Order of the metadata features it was trained on; written in the order of dynamic_mlp."),
    ] = "dynamic_mlp",
    settings: SetFlag = (),
    extensions: ImportFlag = (),
) -> None:
    """Read a checkpoint of the official code and write its weights under our names.

    Args:
        file: The checkpoint, e.g. fold1_best.pth; nothing but tensors is loaded from it.
    """
    from fieldmark.models.build import build_classifier
    from fieldmark.models.checkpoint_file import read_checkpoint, weights_digest
    from fieldmark.models.official import import_official, metadata_features

    _check_out(out)
    run_extensions(extensions)
    checkpoint = read_checkpoint(file)
    features = metadata_features(checkpoint.state)
    if features not in INPUTS:
        raise UserError(f"{file}: it reads {features} metadata features; official checkpoints read 2, 4 or 6")
    config = model_config(backbone, fusion, settings=settings, **INPUTS[features])
    model = build_classifier(config, checked_classes(classes))
    import_official(
        checkpoint.state,
        model,
        feature_order_of_checkpoint=feature_order,
        feature_order=config.feature_order,
        file=file,
    )
    _write(model, out)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    epoch = "no epoch named" if checkpoint.epoch is None else f"epoch {checkpoint.epoch}"
    inputs = "no metadata" if features is None else f"{features} metadata features"
    print(f"{file}: {parameters:,} parameters in {len(checkpoint.state)} tensors, {inputs}, {epoch}")
    print(f"{out}: {weights_digest(str(out))}")


def _check_out(out: Path) -> None:
    if out.suffix != ".safetensors":
        raise UserError(f"--out {out}: expected a name that ends in .safetensors")
    if not out.parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.parent}")


def _write(model: "Classifier", out: Path) -> None:
    """Writes a model's state; the file gets its name when it is whole."""
    from safetensors.torch import save_file

    draft = out.with_name(f".{out.name}.{uuid.uuid4().hex[:12]}")
    try:
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, draft)
        os.replace(draft, out)
    finally:
        draft.unlink(missing_ok=True)
