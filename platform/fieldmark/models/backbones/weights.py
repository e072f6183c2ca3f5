"""A backbone's first weights, from a local file whose digest the configuration names."""

import logging
from collections.abc import Mapping

from torch import Tensor

from fieldmark.errors import UserError
from fieldmark.models.backbones.base import Backbone
from fieldmark.models.checkpoint_file import read_checkpoint, weights_digest

BACKBONE = "backbone."
"""What the names of a backbone's tensors begin with in the state of a whole classifier."""


def load_weights(backbone: Backbone, file: str, *, digest: str) -> None:
    """Fills a backbone with the tensors of a file.

    What the backbone has no place for (the file's own classifier) is left out, and said.

    Args:
        backbone: changed in place.
        file: safetensors or PyTorch; `module.` before every name is cut off; of a whole classifier of ours the
            backbone's part is taken.
        digest: `sha256:...` of the file.

    Raises:
        UserError: another file than the digest's, or a tensor that is missing or has another shape; names the first.
    """
    found = weights_digest(file)
    if found != digest:
        raise UserError(f"{file}: it is {found}, and the configuration asks for {digest}")
    given = _backbone_part(read_checkpoint(file).state)
    wanted = backbone.state_dict()
    check_shapes(given, wanted, file)
    spare = [key for key in given if key not in wanted]
    if spare:
        logging.getLogger(__name__).warning(
            "%s: %d tensors that the backbone has no place for are left out: %s", file, len(spare), ", ".join(spare[:4])
        )
    backbone.load_state_dict({**wanted, **{key: given[key] for key in wanted if key in given}})


def check_shapes(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], file: str) -> None:
    """Checks that every wanted tensor is given, in its shape.

    Counts of batches, which old files lack and no forward pass reads, may be missing.

    Raises:
        UserError: names the file and the first tensor that is missing or misshapen.
    """
    for key, tensor in wanted.items():
        if key not in given:
            if key.endswith("num_batches_tracked"):
                continue
            raise UserError(f"{file}: {key} is missing; the model wants it as {tuple(tensor.shape)}")
        if given[key].shape != tensor.shape:
            raise UserError(f"{file}: {key} is {tuple(given[key].shape)}; the model wants {tuple(tensor.shape)}")


def _backbone_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    whole = any(key.startswith(BACKBONE) for key in state)
    return {
        key.removeprefix(BACKBONE): tensor for key, tensor in state.items() if not whole or key.startswith(BACKBONE)
    }
