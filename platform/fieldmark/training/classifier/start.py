"""The model as training begins: built from the seed, and on top of an image-only model where one is given."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.data.experiment import Part
from fieldmark.errors import UserError
from fieldmark.models.build import build_classifier
from fieldmark.models.classifier import Classifier
from fieldmark.training.classifier.randomness import INITIAL, seed_of

BACKBONE, CLASSIFIER = "backbone.", "fusion.classifier."
"""Where a trained image-only model keeps its backbone and its classifier."""


def initial_model(
    config: ClassifierConfig,
    categories: int,
    train: Part,
    seed: int,
    *,
    start: Mapping[str, Tensor] | None,
    weights_file: str | None,
) -> Classifier:
    """Returns the untrained model, the same for every worker.

    Args:
        config: backbone, fusion and sizes.
        categories: C.
        train: the training records, which the fusion is told.
        seed: decides the first weights; torch's generators are left seeded by it.
        start: state dict of a trained image-only model; a frozen fusion needs one, any other begins there if given.
        weights_file: the file of the backbone's weights, where the configuration names one.

    Raises:
        UserError: a frozen fusion without `start`, or one of another backbone or other categories.
    """
    torch.manual_seed(seed_of(INITIAL, seed))
    model = build_classifier(config, categories, weights_file=weights_file)
    if start is not None:
        _take_over(model, start)
    elif model.fusion.frozen_image:
        raise UserError(
            f"fusion {config.fusion} works on a trained image-only model, and none is given: "
            "name the run that trained one with --start-from"
        )
    if model.fusion.frozen_image:
        model.backbone.requires_grad_(False)
    model.fusion.observe(_labelled(train))
    return model


def train_mode(model: Classifier) -> None:
    """Puts the model into training mode; a frozen backbone stays as it evaluates."""
    model.train()
    if model.fusion.frozen_image:
        model.backbone.eval()


def trains(model: nn.Module) -> bool:
    """Returns whether there is anything to train."""
    return any(parameter.requires_grad for parameter in model.parameters())


def image_classifier(start: Mapping[str, Tensor]) -> nn.Linear:
    """Returns the classifier of a trained image-only model.

    Raises:
        UserError: the state dict has none.
    """
    try:
        weight_CF, bias_C = start[f"{CLASSIFIER}weight"], start[f"{CLASSIFIER}bias"]
    except KeyError:
        raise UserError("--start-from: expected a run of fusion image_only, and this one has another") from None
    layer = nn.Linear(weight_CF.shape[1], weight_CF.shape[0], device="meta")
    layer.load_state_dict({"weight": weight_CF, "bias": bias_C}, assign=True)
    return layer


def _take_over(model: Classifier, start: Mapping[str, Tensor]) -> None:
    backbone = {name.removeprefix(BACKBONE): value for name, value in start.items() if name.startswith(BACKBONE)}
    classifier = image_classifier(start)
    if classifier.out_features != model.fusion.sizes.categories:
        raise UserError(
            f"--start-from: that model knows {classifier.out_features} categories, "
            f"the data set has {model.fusion.sizes.categories}"
        )
    try:
        model.backbone.load_state_dict(backbone)
    except RuntimeError:
        raise UserError("--start-from: that model has another backbone") from None
    model.fusion.start_from(classifier)


def _labelled(part: Part) -> Part:
    known = np.flatnonzero(part.category_N >= 0)
    return replace(
        part,
        image_id=part.image_id[known],
        category_N=part.category_N[known],
        place_time=part.place_time.take(known),
        image_scores=None,
        image_features_NF=None,
    )
