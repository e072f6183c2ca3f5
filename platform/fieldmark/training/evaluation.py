"""Every score of a fitted prior on the tune and test parts, with what it did to each record."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fieldmark.data.experiment import ExperimentData, Part
from fieldmark.data.observations import Indices, Split
from fieldmark.training.interfaces import FittedPrior
from fieldmark.training.metrics import Scored, chunk_rows, metrics
from fieldmark.training.scores import ScoreSources, class_priors, fit_temperature, normalised

SplitName = Literal["tune", "test"]
TOP_CATEGORIES = 10
PARTS: tuple[tuple[Split, SplitName], ...] = ((Split.TUNE, "tune"), (Split.TEST, "test"))


@runtime_checkable
class JointClassifier(Protocol):
    """A model whose scores come from the image and the place together and replace the image scores."""

    def joint(self, part: Part, indices: Indices) -> NDArray[np.float32]:
        """Returns probabilities (n, C) of these records."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """One score source on one part."""

    split: SplitName
    score: str
    metrics: dict[str, float]
    """Fractions by name, log_loss in nats."""
    details: dict[str, float]
    """`temperature`, `prior_applied` (share of records); `turned_right` and `turned_wrong`: the expected number of
    records that image scores alone name wrongly and this score rightly, and the reverse."""
    predictions: pa.Table
    """One row for each labelled record: image_id, true_category, true_probability, true_rank, hit1, top_categories,
    top_probabilities."""


@dataclass(slots=True)
class Collected:
    """What is kept of one source's scores, chunk by chunk of labelled records."""

    scored: list[Scored] = field(default_factory=list)
    top: list[NDArray[np.int32]] = field(default_factory=list)
    top_probability: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, scores_NC: NDArray[np.floating], category_N: NDArray[np.int32]) -> None:
        """Takes the scores of further records and their categories."""
        self.scored.append(metrics(scores_NC, category_N))
        top_NK = first(scores_NC, TOP_CATEGORIES)
        self.top.append(top_NK)
        self.top_probability.append(np.take_along_axis(scores_NC, top_NK, axis=1).astype(np.float32))

    @classmethod
    def join(cls, shares: Iterable[Self]) -> Self:
        """Returns the records of all shares, in order."""
        whole = cls()
        for share in shares:
            whole.scored += share.scored
            whole.top += share.top
            whole.top_probability += share.top_probability
        return whole


Source = Callable[[Part, Indices], Iterator[tuple[str, NDArray[np.floating]]]]


def evaluate(prior: FittedPrior, data: ExperimentData) -> list[Evaluated]:
    """Returns every score source of the prior on the tune and test parts; records without a category are left out.

    The temperature is fitted on the tune part. A joint classifier has the one source `joint`.
    """
    if isinstance(prior, JointClassifier):
        joint: JointClassifier = prior
        return _on_parts(data, lambda part, indices: iter([("joint", joint.joint(part, indices))]), {})
    priors = class_priors(data.parts[Split.TRAIN], data.num_categories)
    temperature = fit_temperature(prior, priors, data.parts[Split.TUNE]) if Split.TUNE in data.parts else 1.0
    found = _on_parts(data, ScoreSources(prior, priors, temperature).rows, {"temperature": temperature})
    for one in found:
        part = data.parts[Split.TUNE if one.split == "tune" else Split.TEST]
        applies_N = prior.applies(part.place_time)[part.category_N >= 0]
        one.details["prior_applied"] = float(applies_N.mean())
        if one.score not in ("prior_calibrated", "product_bayes"):
            del one.details["temperature"]
    return found


def evaluate_image_only(data: ExperimentData) -> list[Evaluated]:
    """Returns the image scores on the tune and test parts; nothing for parts that have none."""

    def image(part: Part, indices: Indices) -> Iterator[tuple[str, NDArray[np.floating]]]:
        if part.image_scores is not None:
            yield "image", normalised(part.image_scores.rows(indices))

    return _on_parts(data, image, {})


def evaluate_scores(
    part: Part,
    split: SplitName,
    score_name: str,
    scores_NC: NDArray[np.floating],
    details: Mapping[str, float] | None = None,
) -> Evaluated:
    """Returns the figures of ready scores, e.g. a Bayes classifier's, which need not be normalised.

    Args:
        part: The part with N records.
        split: Its name.
        score_name: What to call the scores.
        scores_NC: One row for each record of the part.
        details: Further figures to keep.
    """
    assert len(scores_NC) == len(part), "one row of scores for each record"

    def given(_part: Part, indices: Indices) -> Iterator[tuple[str, NDArray[np.floating]]]:
        rows_NC = scores_NC[indices]
        yield score_name, rows_NC / rows_NC.sum(axis=1, keepdims=True)

    (found,) = _on_part(part, split, scores_NC.shape[1], given, details or {})
    return found


def first(scores_NC: NDArray[np.floating], k: int) -> NDArray[np.int32]:
    """Returns the k categories (N, k) with the greatest scores, greatest first; ties in the order of the categories.

    Which of several categories tied at the k-th place come in is left to the selection.
    """
    k = min(k, scores_NC.shape[1])
    found_NK = np.argpartition(scores_NC, -k, axis=1)[:, -k:]
    found_NK.sort(axis=1)
    order_NK = np.argsort(-np.take_along_axis(scores_NC, found_NK, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found_NK, order_NK, axis=1).astype(np.int32)


def _on_parts(data: ExperimentData, source: Source, details: Mapping[str, float]) -> list[Evaluated]:
    return [
        one
        for split, name in PARTS
        if split in data.parts
        for one in _on_part(data.parts[split], name, data.num_categories, source, details)
    ]


def _on_part(
    part: Part, split: SplitName, num_categories: int, source: Source, details: Mapping[str, float]
) -> list[Evaluated]:
    labelled = np.flatnonzero(part.category_N >= 0)
    collected: dict[str, Collected] = {}
    image_hits = []
    rows = chunk_rows(num_categories)
    for start in range(0, len(labelled), rows):
        indices = labelled[start : start + rows]
        category_N = part.category_N[indices]
        for name, scores_NC in source(part, indices):
            collected.setdefault(name, Collected()).add(scores_NC, category_N)
        if part.image_scores is not None:
            image_hits.append(metrics(part.image_scores.rows(indices), category_N).hit_N(1))
    image_hit_N = np.concatenate(image_hits) if image_hits else None
    return [evaluated(part, labelled, split, name, one, details, image_hit_N) for name, one in collected.items()]


def evaluated(
    part: Part,
    labelled: Indices,
    split: SplitName,
    name: str,
    collected: Collected,
    details: Mapping[str, float],
    image_hit_N: NDArray[np.float32] | None = None,
) -> Evaluated:
    """Returns the figures of one score source whose scores have been collected.

    Args:
        part: The part.
        labelled: Positions of its labelled records, whose scores were collected in this order.
        split: Its name.
        name: What the scores are called.
        collected: What was kept of them.
        details: Further figures to keep.
        image_hit_N: How often image scores alone are right, to count help and harm against.
    """
    figures = dict(details)
    if image_hit_N is not None and name.startswith(("product", "joint")):
        gain_N = Scored.join(collected.scored).hit_N(1) - image_hit_N
        figures["turned_right"] = float(np.maximum(gain_N, 0).sum(dtype=np.float64))
        figures["turned_wrong"] = float(np.maximum(-gain_N, 0).sum(dtype=np.float64))
    image_id = pa.array(part.image_id[labelled], pa.string())
    return evaluated_images(image_id, part.category_N[labelled], split, name, collected, figures)


def evaluated_images(
    image_id: pa.StringArray,
    category_N: NDArray[np.int32],
    split: SplitName,
    name: str,
    collected: Collected,
    details: Mapping[str, float],
) -> Evaluated:
    """Returns the figures of scores that have been collected for N images, by their ids and true categories."""
    scored = Scored.join(collected.scored)
    predictions = pa.table(
        {
            "image_id": image_id,
            "true_category": pa.array(category_N, pa.int32()),
            "true_probability": scored.probability_N,
            "true_rank": scored.rank_N,
            "hit1": scored.hit_N(1),
            "top_categories": _lists(np.concatenate(collected.top)),
            "top_probabilities": _lists(np.concatenate(collected.top_probability)),
        }
    )
    return Evaluated(split=split, score=name, metrics=scored.metrics(), details=dict(details), predictions=predictions)


def _lists(values_NK: NDArray[np.int32] | NDArray[np.float32]) -> pa.ListArray:
    offsets = np.arange(len(values_NK) + 1, dtype=np.int32) * values_NK.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values_NK.reshape(-1)))
