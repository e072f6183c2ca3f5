"""What a classifier says of a part's pictures in a view: several sizes, several crops, place or date withheld."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from fieldmark.config.classifier import ClassifierFields
from fieldmark.config.view import Fields, View
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import Indices, PlaceTime, Split
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.predict import predict_scores

PicturesAt = Callable[[int, bool], ImageExperiment]
"""Given the side of a crop, and whether there are more crops than the central one, returns the parts at that size."""


def view_scores(
    model: nn.Module,
    config: ClassifierFields,
    pictures: PicturesAt,
    split: Split,
    view: View,
    *,
    execution: Execution,
    positions: Indices | None = None,
) -> NDArray[np.float32]:
    """Returns the mean probabilities (n, C) over the view's sizes and crops.

    Probabilities are averaged, not logits (SPEC 5.4: the papers name no space).

    Args:
        model: takes pictures, encoded metadata and places, as `Classifier` does; it lies on the execution's device.
        config: how it was trained.
        pictures: the parts at each size.
        split: the part.
        view: how the pictures are shown.
        execution: device, loader and memory layout.
        positions: the records to score, in this order; all if not given.
    """
    sizes = view.sizes_of(config.resolution)
    total_nC: NDArray[np.float32] | None = None
    for size in sizes:
        data = pictures(size, view.crops != "center")
        part = data.parts[split]
        rows = predict_scores(
            model,
            config,
            replace(part, place_time=withheld(part.place_time, view.fields)),
            data.images[split],
            exact=data.exact,
            resolution=size,
            crops=view.crops,
            positions=positions,
            execution=execution,
        )
        scores_nC = np.concatenate([scores for _, scores in rows])
        total_nC = scores_nC if total_nC is None else total_nC + scores_nC
    assert total_nC is not None, "a view has a size"
    return total_nC / np.float32(len(sizes))


def withheld(where: PlaceTime, fields: Fields) -> PlaceTime:
    """Returns the records with only these fields known; the others are missing, as a record's own would be."""
    if fields == "as_trained":
        return where
    nowhere_N = np.full(len(where), np.nan)
    return PlaceTime(
        latitude_N=where.latitude_N if fields == "place" else nowhere_N,
        longitude_N=where.longitude_N if fields == "place" else nowhere_N,
        date_N=where.date_N if fields == "date" else np.full(len(where), np.datetime64("NaT", "D")),
        observer_N=where.observer_N,
    )
