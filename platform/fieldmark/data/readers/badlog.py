"""Keeps account of records that are left out, and of fields that could not be read."""

from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fieldmark.data.observations import BadRecord
from fieldmark.data.readers.raw import RawRecords

LISTED = 1_000
"""How many bad records are named one by one; all are counted."""


class Log(Protocol):
    """Is told of values that cannot be used."""

    def drop(self, bad_N: NDArray[np.bool_], field: str, reason: str) -> None:
        """Takes the records that cannot be used for this reason."""
        ...

    def flag(self, bad_N: NDArray[np.bool_], field: str, reason: str) -> None:
        """Takes the records that can be used without that field."""
        ...


class BadLog:
    """Collects reasons; a record is dropped for the first reason found."""

    def __init__(self, raw: RawRecords) -> None:
        """Starts with the rows that could not be cut into fields."""
        self._raw = raw
        self._entries = list(raw.malformed[:LISTED])
        self._counts: dict[str, int] = {}
        for bad in raw.malformed:
            self._counts[f"{bad.field}: {bad.reason}"] = self._counts.get(f"{bad.field}: {bad.reason}", 0) + 1
        self.dropped_N: NDArray[np.bool_] = np.zeros(len(raw), np.bool_)

    def drop(self, bad_N: NDArray[np.bool_], field: str, reason: str) -> None:
        """Leaves these records out."""
        new_N = bad_N & ~self.dropped_N
        self.dropped_N |= new_N
        self._note(new_N, field, reason)

    def flag(self, bad_N: NDArray[np.bool_], field: str, reason: str) -> None:
        """Counts these records, which stay, without that field."""
        self._note(bad_N & ~self.dropped_N, field, reason)

    def _note(self, bad_N: NDArray[np.bool_], field: str, reason: str) -> None:
        rows = np.flatnonzero(bad_N)
        if not len(rows):
            return
        name = self._raw.name(field)
        self._counts[f"{name}: {reason}"] = len(rows)
        for row in rows[: LISTED - len(self._entries)]:
            value = shown(self._raw.columns.get(field), int(row))
            file = self._raw.files[self._raw.file_N[row]]
            self._entries.append(
                BadRecord(file=file, row=int(self._raw.row_N[row]), field=name, reason=f"{reason}{value}")
            )

    def result(self) -> tuple[tuple[BadRecord, ...], dict[str, int]]:
        """Returns the first records by file and row, and the number of records by reason."""
        order = {file: position for position, file in enumerate(self._raw.files)}
        entries = sorted(self._entries, key=lambda bad: (order.get(bad.file, -1), bad.row))
        return tuple(entries), self._counts


def shown(column: pa.Array | None, row: int, width: int = 40) -> str:
    """Returns what stood there, to end a message with; empty where nothing did."""
    if column is None or not column[row].is_valid:
        return ""
    text = str(column[row].as_py())
    return f", found {text[:width]!r}" if isinstance(column[row].as_py(), str) else f", found {text[:width]}"
