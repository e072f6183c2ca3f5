"""The image-only classifier: trained once on a data set's pictures, its scores are what a prior is multiplied with."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fieldmark.config import ImageStageConfig
from fieldmark.data.observations import DataSet, Indices, Split
from fieldmark.errors import UserError
from fieldmark.training.interfaces import Report

PREDICT_BATCH = 256
SHIFT_SHARE = 12  # pictures are shifted by up to a 12th of their side
WARM_UP_SHARE = 0.2  # of all steps: the rising part of the one cycle


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStageResult:
    """What the trained classifier says of every part."""

    scores: dict[Split, NDArray[np.float32]]
    """Softmax probabilities (n, C) of train, tune and test, in the order of `DataSet.indices`."""
    features: dict[Split, NDArray[np.float32]]
    """Penultimate features (n, F) of the same."""
    seconds: float


def train_image_stage(
    config: ImageStageConfig, data: DataSet, seed: int, *, report: Report, threads: int
) -> ImageStageResult:
    """Trains a small timm backbone from scratch on the training pictures and predicts train, tune and test.

    The pictures of a part are held in memory as uint8. AdamW with one cosine cycle; flips and shifts as augmentation.

    Args:
        config: backbone, resolution and optimisation.
        data: a data set that has pictures.
        seed: of initialisation, order and augmentation; the same seed gives the same numbers on one machine with one
            number of threads.
        report: told `loss` and `images_per_second` after every epoch; its False ends the training early.
        threads: torch's threads within this call.

    Raises:
        UserError: if the data set has no pictures or timm does not know the backbone.
    """
    if data.observations.images is None:
        raise UserError(f"{data.observations.name}: the image stage needs pictures, and this data set has none")
    if not timm.is_model(config.backbone):
        raise UserError(f"backbone {config.backbone!r}: expected the name of a timm model")
    started = time.perf_counter()
    with _threads(threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = timm.create_model(config.backbone, pretrained=False, num_classes=len(data.observations.categories))
        _fit(model, config, _pictures(data, data.indices(Split.TRAIN), config.resolution), _labels(data), seed, report)
        predicted = {
            split: _predict(model, data, split, config.resolution) for split in (Split.TRAIN, Split.TUNE, Split.TEST)
        }
    return ImageStageResult(
        scores={split: scores for split, (scores, _) in predicted.items()},
        features={split: features for split, (_, features) in predicted.items()},
        seconds=time.perf_counter() - started,
    )


@contextmanager
def _threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _pictures(data: DataSet, indices: Indices, resolution: int) -> Tensor:
    """Returns uint8 (n, resolution, resolution, 3)."""
    assert data.observations.images is not None
    return torch.from_numpy(data.observations.images.pixels(indices, resolution))


def _labels(data: DataSet) -> Tensor:
    return torch.from_numpy(data.observations.category_N[data.indices(Split.TRAIN)].astype(np.int64))


def _fit(
    model: nn.Module, config: ImageStageConfig, image_NHW3: Tensor, label_N: Tensor, seed: int, report: Report
) -> None:
    steps = config.epochs * -(-len(label_N) // config.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.lr, total_steps=steps, pct_start=WARM_UP_SHARE)
    loss_function = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
    for epoch in range(config.epochs):
        model.train()
        started, total = time.perf_counter(), 0.0
        draws = torch.Generator().manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))
        for chosen in torch.split(torch.randperm(len(label_N), generator=draws), config.batch):
            loss = loss_function(model(_normalised(_augmented(image_NHW3[chosen], draws))), label_N[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        rate = len(label_N) / (time.perf_counter() - started)
        if not report(epoch + 1, {"loss": total / len(label_N), "images_per_second": rate}):
            return


def _augmented(image_BHW3: Tensor, draws: torch.Generator) -> Tensor:
    """Returns the pictures, each flipped by chance and shifted a little; edge pixels are repeated."""
    count, side = image_BHW3.shape[:2]
    reach = side // SHIFT_SHARE
    shift_2B1 = torch.randint(-reach, reach + 1, (2, count, 1), generator=draws)
    row_BH, column_BW = (torch.arange(side) + shift_2B1).clamp(0, side - 1)
    flipped_B1 = torch.rand(count, 1, generator=draws) < 0.5
    column_BW = torch.where(flipped_B1, side - 1 - column_BW, column_BW)
    return image_BHW3[torch.arange(count)[:, None, None], row_BH[:, :, None], column_BW[:, None, :]]


def _normalised(image_BHW3: Tensor) -> Tensor:
    """Returns float32 (B, 3, H, W) of about zero mean and unit spread."""
    return image_BHW3.permute(0, 3, 1, 2).float().sub_(127.5).div_(64.0)


@torch.inference_mode()
def _predict(
    model: Any, data: DataSet, split: Split, resolution: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns probabilities (n, C) and penultimate features (n, F) of a part."""
    model.eval()
    scores, features = [], []
    indices = data.indices(split)
    for start in range(0, len(indices), PREDICT_BATCH):
        image_BHW3 = _pictures(data, indices[start : start + PREDICT_BATCH], resolution)
        map_BFHW = model.forward_features(_normalised(image_BHW3))
        features.append(model.forward_head(map_BFHW, pre_logits=True))
        scores.append(model.forward_head(map_BFHW).softmax(dim=1))
    return torch.cat(scores).numpy(), torch.cat(features).numpy()
