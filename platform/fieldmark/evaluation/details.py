"""What stored predictions say beside the metrics: by category, head and tail, help and harm. Needs no model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fieldmark.evaluation.limits import HEAD

if TYPE_CHECKING:
    import pyarrow as pa

    from fieldmark.store import Store


class Frozen(BaseModel):
    """A value."""

    model_config = ConfigDict(frozen=True)


class CategoryAccuracy(Frozen):
    """How often the images of one category are named rightly."""

    category: str
    n: int
    """Images scored."""
    top1: float
    """Of them; a tie of k categories at the top is right in a share 1/k of all orders."""
    training_images: int


class GroupAccuracy(Frozen):
    """The same of several categories together."""

    categories: int
    """With images that were scored."""
    n: int
    top1: float | None
    """Of the images; None without any."""


class HelpAndHarm(NamedTuple):
    """Expected numbers of pictures; a tie of k categories at the top is right in a share 1/k of all orders."""

    pictures: int
    """That both have named."""
    right: float
    """The reference names them wrongly, the run rightly."""
    wrong: float
    """The reference names them rightly, the run wrongly."""


class Details(Frozen):
    """All of it, of one evaluation."""

    categories: tuple[CategoryAccuracy, ...]
    """Those with images that were scored; the worst first, and among equals the one with more images."""
    head_from: int
    """Training images from which a category is head."""
    head: GroupAccuracy
    tail: GroupAccuracy


def details_of(
    predictions: "pa.Table", names: Sequence[str], training_C: NDArray[np.int64], *, head_from: int = HEAD
) -> Details:
    """Returns the accuracy of every category, and of head and tail.

    Args:
        predictions: a row for each image, as stored.
        names: of the C categories.
        training_C: training images of each.
        head_from: training images from which a category is head, the others being tail.
    """
    n_C, right_C = counts(predictions, len(names))
    found = [
        CategoryAccuracy(
            category=names[category],
            n=int(n_C[category]),
            top1=float(right_C[category] / n_C[category]),
            training_images=int(training_C[category]),
        )
        for category in np.flatnonzero(n_C).tolist()
    ]
    head_C = training_C >= head_from
    return Details(
        categories=tuple(sorted(found, key=lambda one: (one.top1, -one.n, one.category))),
        head_from=head_from,
        head=_group(n_C, right_C, head_C),
        tail=_group(n_C, right_C, ~head_C),
    )


def counts(predictions: "pa.Table", categories: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns each category's images (C), and how many of them are named rightly (C)."""
    category_N = predictions["true_category"].to_numpy()
    hit_N = predictions["hit1"].to_numpy().astype(np.float64)
    n_C = np.bincount(category_N, minlength=categories).astype(np.int64)
    return n_C, np.bincount(category_N, hit_N, minlength=categories).astype(np.float64)


def help_and_harm(store: "Store", evaluation_id: str, reference_id: str) -> HelpAndHarm | None:
    """Compares two evaluations picture by picture; None where there are no predictions of either (SCIENCE rule 14)."""
    hits, before = _hits(store, evaluation_id), _hits(store, reference_id)
    if hits is None or before is None:
        return None
    both = [name for name in hits if name in before]
    gain_N = np.array([hits[name] - before[name] for name in both], dtype=np.float64)
    return HelpAndHarm(len(both), float(np.maximum(gain_N, 0).sum()), float(np.maximum(-gain_N, 0).sum()))


def _group(n_C: NDArray[np.int64], right_C: NDArray[np.float64], chosen_C: NDArray[np.bool_]) -> GroupAccuracy:
    n = int(n_C[chosen_C].sum())
    top1 = float(right_C[chosen_C].sum() / n) if n else None
    return GroupAccuracy(categories=int((n_C[chosen_C] > 0).sum()), n=n, top1=top1)


def _hits(store: "Store", evaluation_id: str) -> dict[str, float] | None:
    """Returns how often each picture is named rightly, in [0, 1], by its id."""
    predictions = store.predictions(evaluation_id)
    if predictions is None:
        return None
    return dict(zip(predictions["image_id"].to_pylist(), predictions["hit1"].to_pylist(), strict=True))
