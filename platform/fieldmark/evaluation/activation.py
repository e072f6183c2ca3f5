"""The activation maps of a stored classifier, on pictures of one part, in the run's own view."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.images.loader import batches
from fieldmark.data.images.transforms import evaluation_transform
from fieldmark.data.observations import Indices, Split
from fieldmark.export.load import Trained
from fieldmark.models.metadata import encode_metadata, places
from fieldmark.training.activation_maps import activation_maps
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.pictures import to_device
from fieldmark.training.classifier.precision import Precision

AT_ONCE = 64
METHODS = ("CAM", "Grad-CAM")
Maps = NDArray[np.float32]


class Looked(NamedTuple):
    """A few pictures, and where the model looks for their true categories."""

    positions_n: Indices
    """In the part."""
    image_nHW3: NDArray[np.uint8]
    """As the model is shown them."""
    maps: tuple[Maps | None, Maps | None]
    """By `METHODS`, each (n, H, W) from 0 to 1; None where there is none of that model (`ActivationMaps`)."""
    named_n: Indices
    """The category with the highest score."""


def looked_at(
    trained: Trained, data: ImageExperiment, split: Split, positions: Indices, *, device: str = "cpu"
) -> Iterator[Looked]:
    """Yields the pictures at these positions with their maps, some at a time.

    Args:
        trained: the model; it is moved to the device.
        data: the parts at the model's resolution.
        split: the part.
        positions: in it, of records with a category.
        device: as torch names it.
    """
    config, part, execution = trained.config, data.parts[split], Execution(device=device)
    model, dtype = trained.model.to(device), Precision(config, device).dtype
    chunks = [positions[start : start + AT_ONCE] for start in range(0, len(positions), AT_ONCE)]
    plan = [[(position, 0) for position in chunk_n.tolist()] for chunk_n in chunks]
    transform = evaluation_transform(config.resolution, config.center_share, data.exact)
    pictures = batches(data.images[split], plan, transform, processes=0, pin=False)
    for chunk_n, image_n3HW in zip(chunks, pictures, strict=True):
        where = part.place_time.take(chunk_n)
        found = activation_maps(
            model,
            to_device(image_n3HW, dtype, config.normalisation, execution),
            torch.as_tensor(encode_metadata(where, config)).to(device, dtype),
            torch.as_tensor(places(where)).to(device, dtype),
            torch.as_tensor(part.category_N[chunk_n], dtype=torch.int64, device=device),
        )
        cam, grad_cam = (None if each is None else each.float().cpu().numpy() for each in found[:2])
        image_nHW3 = image_n3HW.permute(0, 2, 3, 1).numpy()
        yield Looked(chunk_n, image_nHW3, (cam, grad_cam), found.logits_BC.argmax(dim=1).cpu().numpy())
