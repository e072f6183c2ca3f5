"""Files of tensors, as others write them: safetensors, or PyTorch's, of which nothing but tensors is loaded."""

import hashlib
import pickle
import pickletools
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from fieldmark.errors import UserError

WRAPPED = ("model", "state_dict")
"""Where a training's checkpoint keeps the model beside the optimiser and the epoch."""
_CALLS = {"GLOBAL", "STACK_GLOBAL", "INST"}
_BINARY = b"\x80"
"""What a pickle of protocol 2 or later begins with."""
_LOOKED_AT = 1 << 20


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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's remarks on files that are none of its own
            content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror or error}") from error
    except Exception as error:  # a broken archive, or a pickle that wants to run code
        raise UserError(f"{file}: {_refusal(file, error)}") from error
    if not isinstance(content, Mapping):
        raise UserError(
            f"{file}: expected tensors by name, or a dictionary with `model`; found {type(content).__name__}"
        )
    return content


def _refusal(file: str, error: Exception) -> str:
    """Returns why PyTorch did not load a file, in our words: its own advise the user to run what is in it."""
    with open(file, "rb") as stream:
        content = stream.read(_LOOKED_AT)
    if not content:
        return "the file is empty"
    archive, named = content.startswith(b"PK"), re.search(r"GLOBAL (\w[\w.]*)", str(error))
    refused = archive and isinstance(error, pickle.UnpicklingError)
    if refused or (named and content.startswith(_BINARY)) or _calls(content):
        return f"it holds code{f' ({named[1]})' if named else ''}, and was not loaded"
    return "a damaged PyTorch file; was it copied whole?" if archive else "not a PyTorch file of tensors"


def _calls(content: bytes) -> bool:
    """Whether a bare pickle names something to be called; nothing of it is run."""
    names, whole = set(), False
    try:
        for opcode, _, _ in pickletools.genops(content):
            names.add(opcode.name)
        whole = True
    except Exception:  # no pickle, or more than was looked at
        pass
    # Of a text the first letters may be opcodes, too, but hardly all.
    return bool(names & _CALLS) and (whole or content.startswith(_BINARY))
