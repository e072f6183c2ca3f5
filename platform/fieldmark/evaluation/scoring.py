"""Scores a stored classifier in a view, chunk by chunk."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.config import View
from fieldmark.data.images.loader import PictureError
from fieldmark.data.observations import Split
from fieldmark.errors import UserError
from fieldmark.evaluation.pictures import Pictures
from fieldmark.export.load import Trained
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.views import view_scores
from fieldmark.training.evaluation import PARTS, Collected, Evaluated, evaluated
from fieldmark.training.metrics import chunk_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a classifier made of one part."""

    evaluated: Evaluated
    probability_NC: NDArray[np.float16] | None
    """Of the labelled records, in the order of the predictions; None where they were not asked for."""


def score_view(
    trained: Trained,
    pictures: Pictures,
    split: Split,
    view: View,
    *,
    keep: bool = False,
    device: str = "cpu",
    on_batch: Callable[[], object] | None = None,
) -> Seen | None:
    """Returns the figures of a part's labelled records; None where there are none.

    Args:
        trained: the model; it is moved to the device.
        pictures: of the data it learned from.
        split: the part.
        view: how it is shown them.
        keep: whether all probabilities are returned, too.
        device: as torch names it.
        on_batch: told after every batch.

    Raises:
        UserError: a network that cannot take one of the view's sizes.
    """
    sizes = view.sizes_of(trained.config.resolution)
    part = pictures(sizes[0], view.crops != "center").parts[split]
    labelled = np.flatnonzero(part.category_N >= 0)
    if not len(labelled):
        return None
    execution = Execution(device=device, on_batch=on_batch)
    model, categories = trained.model.to(device), len(trained.categories)
    collected, rows = Collected(), chunk_rows(categories)
    probability_NC = np.empty((len(labelled), categories), np.float16) if keep else None
    for start in range(0, len(labelled), rows):
        chunk_n = labelled[start : start + rows]
        try:
            scores_nC = view_scores(
                model, trained.config, pictures, split, view, execution=execution, positions=chunk_n
            )
        except (AssertionError, RuntimeError) as error:
            if isinstance(error, PictureError) or not view.sizes:
                raise
            own = f"{trained.config.backbone} was trained at {trained.config.resolution}"
            first = (str(error).splitlines() or [""])[0]
            raise UserError(f"view {view.text}: {own}, and cannot take another size: {first}") from error
        collected.add(scores_nC, part.category_N[chunk_n])
        if probability_NC is not None:
            probability_NC[start : start + rows] = scores_nC
    score = "joint" if model.fusion.looks_at_location else "image"
    found = evaluated(part, labelled, dict(PARTS)[split], score, collected, {})
    return Seen(evaluated=found, probability_NC=probability_NC)
