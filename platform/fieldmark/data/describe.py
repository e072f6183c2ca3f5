"""What a data set holds, in figures: for `fieldmark data describe` and for its card in the store."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fieldmark.data.observations import BadRecord, DataSet, Observations, Split
from fieldmark.data.published_counts import CountCheck, check_counts


@dataclass(frozen=True, slots=True, kw_only=True)
class CategorySizes:
    """Training records a category."""

    smallest: int
    median: float
    largest: int
    absent: tuple[str, ...]
    """Categories without any training record: they can be asked for, never learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Figures of a split data set."""

    name: str
    fingerprint: str
    protocol: str
    records: int
    categories: int
    counts: Mapping[str, int]
    """Records in train, tune, test, and unused ones."""
    field_shares: Mapping[str, float]
    """Share of the records with a place, date, observer, image; in [0, 1]."""
    training_sizes: CategorySizes
    first_date: str | None
    last_date: str | None
    published: tuple[CountCheck, ...]
    read: int
    bad_counts: Mapping[str, int]
    bad: tuple[BadRecord, ...]
    superset_records: int | None
    superset_fingerprint: str | None

    def to_json(self) -> dict[str, Any]:
        """Returns values that `json.dumps` takes."""
        result = asdict(self)
        result["published"] = [{**asdict(check), "agrees": check.agrees} for check in self.published]
        return result


def describe(data: DataSet) -> Description:
    """Returns the figures of a split data set."""
    observations = data.observations
    days = observations.place_time.date_N[observations.place_time.has_date_N]
    superset = data.superset
    return Description(
        name=observations.name,
        fingerprint=observations.fingerprint,
        protocol=data.protocol,
        records=len(observations),
        categories=len(observations.categories),
        counts={part.name.lower(): int((data.split_N == part).sum()) for part in _ORDER},
        field_shares=field_shares(observations),
        training_sizes=_sizes(data),
        first_date=str(days.min()) if len(days) else None,
        last_date=str(days.max()) if len(days) else None,
        published=check_counts(observations.name, _countable(observations)),
        read=observations.report.read,
        bad_counts=dict(observations.report.bad_counts),
        bad=observations.report.bad,
        superset_records=None if superset is None else len(superset),
        superset_fingerprint=None if superset is None else superset.fingerprint,
    )


_ORDER = (Split.TRAIN, Split.TUNE, Split.TEST, Split.UNUSED)


def field_shares(observations: Observations) -> dict[str, float]:
    """Returns the share of the records with each field, in [0, 1] (SCIENCE rule 1)."""
    where = observations.place_time
    count = max(len(observations), 1)
    return {
        "place": float(where.has_place_N.sum()) / count,
        "date": float(where.has_date_N.sum()) / count,
        "observer": float((where.observer_N >= 0).sum()) / count,
        "image": float(observations.images is not None),
    }


def _sizes(data: DataSet) -> CategorySizes:
    counts_C = data.class_counts(Split.TRAIN)
    categories = data.observations.categories
    return CategorySizes(
        smallest=int(counts_C.min()),
        median=float(np.median(counts_C)),
        largest=int(counts_C.max()),
        absent=tuple(categories[position] for position in np.flatnonzero(counts_C == 0)),
    )


def _countable(observations: Observations) -> dict[str, int]:
    found = {"records": observations.report.read, "categories": len(observations.categories)}
    if observations.given_split is not None:
        values, counts = np.unique(observations.given_split, return_counts=True)
        found.update(zip(values.tolist(), counts.tolist(), strict=True))
    return found
