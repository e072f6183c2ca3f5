"""Checkpoints of the Dynamic MLP authors' code (SPEC section 8), in our names."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fieldmark.errors import UserError
from fieldmark.models.backbones.weights import check_shapes
from fieldmark.models.classifier import Classifier
from fieldmark.models.encoding import LATITUDE_FIRST

PREFIXES = {"loc_net.": "fusion.location.", "loc_att.": "fusion.", "fc.": "fusion.classifier."}
"""Official beginnings of names, and ours; whatever begins otherwise is the backbone's."""
FIRST_LAYER = "fusion.location.feats.0.weight"
"""The layer that reads the encoded metadata, one column a feature."""


def import_official(
    state: Mapping[str, Tensor],
    model: Classifier,
    *,
    feature_order_of_checkpoint: str = "dynamic_mlp",
    feature_order: str = "dynamic_mlp",
    file: str = "checkpoint",
) -> None:
    """Fills a classifier with the tensors of an official checkpoint.

    Args:
        state: tensors by their official names, without `module.` (see `read_checkpoint`).
        model: changed in place.
        feature_order_of_checkpoint: order of the wrapped features that the checkpoint was trained on, `dynamic_mlp` or
            `priorsnet`.
        feature_order: the order of the model's configuration.
        file: named in messages.

    Raises:
        UserError: a tensor is missing, misshapen or not the model's; names the first.
    """
    found = {_ours(name): tensor for name, tensor in state.items()}
    wanted = model.state_dict()
    check_shapes(found, wanted, file)
    spare = next((name for name in state if _ours(name) not in wanted), None)
    if spare is not None:
        raise UserError(f"{file}: {spare} has no place in the model; is it of another backbone or fusion?")
    if FIRST_LAYER in found and feature_order_of_checkpoint != feature_order:
        found[FIRST_LAYER] = _reordered(found[FIRST_LAYER], to=feature_order)
    model.load_state_dict({**wanted, **found})


def metadata_features(state: Mapping[str, Tensor]) -> int | None:
    """Returns how many encoded features an official checkpoint reads; None where it looks at the image alone."""
    first = state.get("loc_net.feats.0.weight")
    return None if first is None else first.shape[1]


def _ours(name: str) -> str:
    for official, ours in PREFIXES.items():
        if name.startswith(official):
            return ours + name.removeprefix(official)
    return f"backbone.{name}"


def _reordered(weight_WM: Tensor, *, to: str) -> Tensor:
    """Returns a layer's columns for features in the other order."""
    places = torch.tensor(LATITUDE_FIRST.get(weight_WM.shape[1], range(weight_WM.shape[1])))  # a date alone has one
    return weight_WM[:, places if to == "dynamic_mlp" else places.argsort()]
