"""Readers: one file for each format that observations come in."""

from fieldmark.data.observations import Observations
from fieldmark.data.readers.registry import MODULES, USAGE, find

KINDS = tuple(MODULES)
"""Every kind of data set, as typed before the colon."""

__all__ = ["KINDS", "USAGE", "read", "read_superset"]


def read(spec: str) -> Observations:
    """Reads a data set from its specification, e.g. `table:butterflies.csv.gz` or `inat2018:/data/inat2018`.

    Raises:
        UserError: for an unknown kind, a missing file, or a file that is not what its reader expects.
    """
    _, rest, reader, _ = find(spec)
    return reader(rest)


def read_superset(spec: str) -> Observations | None:
    """Reads the larger training set that contains this data set's, with the same categories; None where there is none.

    Raises:
        UserError: as `read`.
    """
    _, rest, _, superset_reader = find(spec)
    return None if superset_reader is None else superset_reader(rest)
