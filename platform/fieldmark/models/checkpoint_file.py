"""Files of tensors, as others write them: safetensors, or PyTorch's, of which nothing but tensors is loaded."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from fieldmark.errors import UserError

WRAPPED = ("model", "state_dict")
"""Where a training's checkpoint keeps the model beside the optimiser and the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a file of weights holds."""

    state: dict[str, Tensor]
    """Tensors by name, without the `module.` of a model that was trained in parallel."""
    epoch: int | None
    """The epoch it was written after, where it says so."""


def read_checkpoint(file: str) -> Checkpoint:
    """Returns the tensors of a file, bare or wrapped as {"epoch", "model", "optimizer"}.

    Raises:
        UserError: it cannot be read, or holds more than tensors can be (`weights_only`).
    """
    content = _safetensors(file) if file.endswith(".safetensors") else _pytorch(file)
    wrapped = next((content[key] for key in WRAPPED if isinstance(content.get(key), Mapping)), None)
    epoch = content.get("epoch") if wrapped is not None else None
    state = {str(name).removeprefix("module."): value for name, value in (wrapped or content).items()}
    other = next((name for name, value in state.items() if not isinstance(value, Tensor)), None)
    if other is not None or not state:
        raise UserError(f"{file}: expected tensors by name; {f'{other} is none' if other else 'there are none'}")
    return Checkpoint(state=state, epoch=epoch if isinstance(epoch, int) else None)


def weights_digest(file: str) -> str:
    """Returns `sha256:...` of a file's bytes, by which a configuration names it.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with open(file, "rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from error


def _safetensors(file: str) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise UserError(f"{file}: not a safetensors file: {error}") from error


def _pytorch(file: str) -> Mapping[str, Any]:
    import torch

    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror or error}") from error
    except Exception as error:  # a broken archive, or a pickle that wants to run code
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{file}: not a PyTorch file of tensors (weights_only): {reason}") from error
    if not isinstance(content, Mapping):
        raise UserError(
            f"{file}: expected tensors by name, or a dictionary with `model`; found {type(content).__name__}"
        )
    return content
