"""The one columnar type for every data set: observations of categories at a place and a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Indices = NDArray[np.int64]


class Split(IntEnum):
    """Part of the evidence a record belongs to (SCIENCE rule 5)."""

    UNUSED = -1
    TRAIN = 0
    TUNE = 1
    TEST = 2


class ImageSource(Protocol):
    """Gives the pictures of a data set's records."""

    def pixels(self, indices: Indices, resolution: int) -> NDArray[np.uint8]:
        """Returns images as uint8 of shape (n, resolution, resolution, 3), RGB."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceTime:
    """Where, when and by whom, for N records; missing is explicit."""

    latitude_N: NDArray[np.float64]
    """Degrees in [-90, 90]; NaN where missing."""
    longitude_N: NDArray[np.float64]
    """Degrees in [-180, 180]; NaN where missing."""
    date_N: NDArray[np.datetime64]
    """datetime64[D]; NaT where missing."""
    observer_N: NDArray[np.int32]
    """Index of the observer in the data set; -1 where missing."""

    def __len__(self) -> int:
        return len(self.latitude_N)

    def take(self, indices: Indices) -> "PlaceTime":
        """Returns the records at these positions, in that order."""
        return PlaceTime(
            latitude_N=self.latitude_N[indices],
            longitude_N=self.longitude_N[indices],
            date_N=self.date_N[indices],
            observer_N=self.observer_N[indices],
        )

    @property
    def has_place_N(self) -> NDArray[np.bool_]:
        """True where both coordinates are known."""
        return np.isfinite(self.latitude_N) & np.isfinite(self.longitude_N)

    @property
    def has_date_N(self) -> NDArray[np.bool_]:
        """True where the date is known."""
        return ~np.isnat(self.date_N)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """One record that was left out, and why."""

    file: str
    row: int
    """Line number in the file (the header is line 1), or position in a JSON list from 0."""
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReport:
    """What reading a data set found."""

    read: int
    """Records in the files."""
    kept: int
    bad: tuple[BadRecord, ...] = ()
    """At most the first 1,000; `bad_counts` has all."""
    bad_counts: Mapping[str, int] = field(default_factory=dict)
    """Reason to number of records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """N observations, a category list and a fingerprint."""

    name: str
    """Short name for people, e.g. `west_namerica_butterflies`."""
    categories: tuple[str, ...]
    image_id: pa.StringArray
    """Unique ids (N)."""
    category_N: NDArray[np.int32]
    """Index into `categories`; -1 for records without a label."""
    place_time: PlaceTime
    given_split: NDArray[np.str_] | None
    """The split column as found (`train`, `val`, `test`, ...; empty where none), or None."""
    image_path: pa.StringArray | None
    """Path relative to the image root, or None where the data set has no images."""
    images: ImageSource | None
    """Where pictures come from, or None."""
    fingerprint: str
    """Hash of annotation bytes, and of image files by path and size."""
    report: ReadReport

    def __len__(self) -> int:
        return len(self.category_N)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Observations split into train, tune and test by a named protocol."""

    observations: Observations
    protocol: str
    """Name and seed, e.g. `official:0`, `coordinate:0`."""
    split_N: NDArray[np.int8]
    """`Split` codes."""
    superset: Observations | None = None
    """A larger training set that contains this one's (S2's starred row), or None. Its categories are the same."""

    def indices(self, split: Split) -> Indices:
        """Returns the positions of a part's records, ascending."""
        return np.flatnonzero(self.split_N == split)

    def class_counts(self, split: Split = Split.TRAIN) -> NDArray[np.int64]:
        """Returns the number of records of each category in a part (C)."""
        labels = self.observations.category_N[self.split_N == split]
        return np.bincount(labels[labels >= 0], minlength=len(self.observations.categories)).astype(np.int64)
