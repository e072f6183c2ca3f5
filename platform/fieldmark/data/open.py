"""From what a user typed after `--data` to a split data set, or to one clear line on why not."""

import numpy as np

from fieldmark.data.observations import DataSet, Observations, Split
from fieldmark.data.readers import read, read_superset
from fieldmark.data.readers.clean import UNREADABLE_DATE
from fieldmark.data.select import without
from fieldmark.data.splits import split
from fieldmark.errors import UserError

MAX_BAD_SHARE = 0.2


def open_dataset(spec: str, *, protocol: str | None = None, max_bad_share: float = MAX_BAD_SHARE) -> DataSet:
    """Reads and splits a data set.

    Args:
        spec: `KIND:REST`, e.g. `table:butterflies.csv.gz` (see `fieldmark.data.readers`).
        protocol: Split protocol `NAME[:SEED]`, or None for the data set's default (see `fieldmark.data.splits`).
        max_bad_share: Largest share of bad records, in [0, 1], that is passed over.

    Raises:
        UserError: if it cannot be read, has too many bad records, neither places nor pictures, or fewer than two
            categories.
    """
    observations = read(spec)
    check(observations, max_bad_share)
    name, split_N = split(observations, protocol)
    superset = read_superset(spec)
    if superset is not None:
        check(superset, max_bad_share)
        assert superset.categories == observations.categories, "a superset has the same categories"
        # What is tuned or tested on must not be learned from, though the larger set contains it.
        held_out = np.flatnonzero((split_N == Split.TUNE) | (split_N == Split.TEST))
        superset = without(superset, observations.image_id.take(held_out))
    return DataSet(observations=observations, protocol=name, split_N=split_N, superset=superset)


def check(observations: Observations, max_bad_share: float = MAX_BAD_SHARE) -> None:
    """Refuses observations that no result should rest on.

    Raises:
        UserError: see `open_dataset`.
    """
    report = observations.report
    unreadable = sum(count for reason, count in report.bad_counts.items() if reason.endswith(UNREADABLE_DATE))
    if max(report.read - report.kept, unreadable) > max_bad_share * report.read:
        raise UserError(_too_many(observations, max_bad_share))
    if not len(observations):
        raise UserError(f"{observations.name}: no records")
    if observations.images is None and not observations.place_time.has_place_N.any():
        missing = "no record has a place (latitude and longitude are all missing)"
        raise UserError(f"{observations.name}: {missing}, and there are no pictures")
    if len(observations.categories) < 2:
        raise UserError(f"{observations.name}: {len(observations.categories)} category; expected at least 2")


def _too_many(observations: Observations, max_bad_share: float) -> str:
    report = observations.report
    reason, count = max(report.bad_counts.items(), key=lambda item: item[1])
    field, _, text = reason.partition(": ")
    same = (bad for bad in report.bad if bad.field == field and bad.reason.startswith(text))
    first = next(same, report.bad[0])
    return (
        f"{first.file}, row {first.row}, {first.field}: {first.reason}; "
        f"{count:,} of {report.read:,} records are like this, more than the {max_bad_share:.0%} that are passed over"
    )
