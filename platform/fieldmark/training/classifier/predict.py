"""What a classifier says of a part's pictures: softmax of one crop, or the mean of several (SPEC sections 5 and 6)."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fieldmark.config.classifier import ClassifierFields
from fieldmark.config.view import Crops
from fieldmark.data.experiment import Part
from fieldmark.data.images.crops import COUNTS, crops_transform, split_crops
from fieldmark.data.images.experiment import Images
from fieldmark.data.images.loader import batches
from fieldmark.data.observations import Indices
from fieldmark.models.metadata import encode_metadata, places
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.pictures import to_device
from fieldmark.training.classifier.precision import Precision

PREDICT_BATCH = 64


def predict_scores(
    model: nn.Module,
    config: ClassifierFields,
    part: Part,
    images: Images,
    *,
    device: str = "cpu",
    batch: int = PREDICT_BATCH,
    exact: bool = False,
    resolution: int | None = None,
    crops: Crops = "center",
    positions: Indices | None = None,
    execution: Execution | None = None,
) -> Iterator[tuple[Indices, NDArray[np.float32]]]:
    """Yields positions in the part with the probabilities (n, C) of those records, batch by batch.

    Records without a category are scored, too. The model is put into evaluation mode and stays there.

    Args:
        model: takes pictures, encoded metadata and places, as `Classifier` does; it lies on the device.
        config: how it was trained: metadata, precision, resolution and centre crop.
        part: the records' places and dates.
        images: their pictures.
        device: a torch device.
        batch: crops at once, however many a picture has.
        exact: whether the pictures have the size already that they are cropped from (see `crops_transform`).
        resolution: another than the training's, in pixels.
        crops: those whose probabilities are averaged.
        positions: the records to score, in this order; all if not given.
        execution: device, loader and memory layout, instead of `device` alone.
    """
    execution = execution or Execution(device=device)
    chosen_N = np.arange(len(part)) if positions is None else positions
    at_once = max(1, batch // COUNTS[crops])
    chunks = [chosen_N[start : start + at_once] for start in range(0, len(chosen_N), at_once)]
    pictures = batches(
        images,
        [[(position, 0) for position in chunk_n.tolist()] for chunk_n in chunks],
        crops_transform(crops, resolution or config.resolution, config.center_share, exact),
        processes=execution.loader_processes,
        pin=execution.pins,
    )
    model.eval()
    precision = Precision(config, execution.device)
    on_batch = execution.on_batch or (lambda: None)
    for chunk_n, image_n3HW in zip(chunks, pictures, strict=True):
        where = part.place_time.take(chunk_n)
        encoded_nM = torch.as_tensor(encode_metadata(where, config)).to(execution.device, precision.dtype)
        place_n2 = torch.as_tensor(places(where)).to(execution.device, precision.dtype)
        crop_k3RR = to_device(split_crops(image_n3HW), precision.dtype, config.normalisation, execution)
        on_batch()
        yield chunk_n, _probabilities(model, precision, crop_k3RR, encoded_nM, place_n2)


@torch.no_grad()
def _probabilities(
    model: nn.Module, precision: Precision, crop_k3RR: Tensor, encoded_nM: Tensor, place_n2: Tensor
) -> NDArray[np.float32]:
    """Returns the mean over each record's crops, k / n of them, which lie side by side."""
    crops = len(crop_k3RR) // len(encoded_nM)
    where = (told.repeat_interleave(crops, dim=0) for told in (encoded_nM, place_n2))
    with precision.exact(), precision.forward():
        # Not `model(...)`: where it is compiled, that is for training, and every last batch would be compiled anew.
        logits_kC = model.forward(crop_k3RR, *where)
    score_kC = precision.of_loss(logits_kC).softmax(dim=1)
    scores_nC: NDArray[np.float32] = score_kC.reshape(len(encoded_nM), crops, -1).mean(dim=1).float().cpu().numpy()
    return scores_nC
