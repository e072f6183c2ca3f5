"""What a trial gets: plain arrays, put into the object store once and mapped by every trial without a copy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import DataSet, Indices, Observations, PlaceTime, Split


class ImageScores(Protocol):
    """Image-only class probabilities, dense or sparse, N records by C categories."""

    def rows(self, indices: Indices) -> NDArray[np.float32]:
        """Returns probabilities of these records as float32 (n, C), each row summing to about 1."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseScores:
    """Image scores held as one matrix."""

    scores_NC: NDArray[np.float32]

    def rows(self, indices: Indices) -> NDArray[np.float32]:
        """Returns the rows at these positions."""
        return self.scores_NC[indices]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a data set: train, superset, tune or test."""

    image_id: NDArray[np.str_]
    category_N: NDArray[np.int32]
    place_time: PlaceTime
    image_scores: ImageScores | None = None
    image_features_NF: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.category_N)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentData:
    """The arrays of a split data set, with image scores joined where there are any."""

    num_categories: int
    parts: Mapping[Split, Part]
    superset: Part | None = None
    stages: Mapping[str, str] = field(default_factory=dict)
    """Stage name to the hash of its inputs."""

    def training_part(self, train_on: str) -> Part:
        """Returns the part a configuration trains on: `train` or `superset`."""
        if train_on == "train":
            return self.parts[Split.TRAIN]
        assert self.superset is not None, "planned without a superset"
        return self.superset


def part_of(observations: Observations, indices: Indices) -> Part:
    """Returns the arrays of these records, without image scores."""
    return Part(
        image_id=np.asarray(observations.image_id.take(indices).to_pylist()),
        category_N=observations.category_N[indices],
        place_time=observations.place_time.take(indices),
    )


def experiment_data(data: DataSet) -> ExperimentData:
    """Returns the arrays of every part of a data set."""
    everything = None if data.superset is None else part_of(data.superset, np.arange(len(data.superset)))
    return ExperimentData(
        num_categories=len(data.observations.categories),
        parts={
            split: part_of(data.observations, data.indices(split)) for split in (Split.TRAIN, Split.TUNE, Split.TEST)
        },
        superset=everything,
    )
