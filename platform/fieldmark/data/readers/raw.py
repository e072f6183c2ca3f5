"""Records as found in files, before anything is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fieldmark.data.observations import BadRecord

FIELDS = ("label", "latitude", "longitude", "date", "observer", "id", "image", "split")
"""What a record may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRecords:
    """N records of one or several files, column by column."""

    files: tuple[str, ...]
    file_N: NDArray[np.int16]
    """Index into `files`."""
    row_N: NDArray[np.int64]
    """Where a record is in its file, as `BadRecord.row` counts."""
    columns: Mapping[str, pa.Array]
    """Field (see FIELDS) to its values (N): text, numbers or dates, with nulls. A field that no file has is absent."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Field to the column's own name, for messages."""
    malformed: tuple[BadRecord, ...] = ()
    """Rows that could not even be cut into fields; they are not among the N."""

    def __len__(self) -> int:
        return len(self.row_N)

    def name(self, of: str) -> str:
        """Returns what the file calls a field."""
        return self.names.get(of, of)


def one_file(
    file: str,
    columns: Mapping[str, pa.Array],
    *,
    row_N: NDArray[np.int64],
    names: Mapping[str, str] | None = None,
    malformed: tuple[BadRecord, ...] = (),
) -> RawRecords:
    """Returns the records of a single file."""
    return RawRecords(
        files=(file,),
        file_N=np.zeros(len(row_N), np.int16),
        row_N=row_N,
        columns=columns,
        names=names or {},
        malformed=malformed,
    )


def concatenate(parts: Sequence[RawRecords]) -> RawRecords:
    """Returns the records of several files, in order; a field that one of them lacks is null there."""
    present = [name for name in FIELDS if any(name in part.columns for part in parts)]
    offsets = np.cumsum([0, *[len(part.files) for part in parts]])
    return RawRecords(
        files=tuple(file for part in parts for file in part.files),
        file_N=np.concatenate([part.file_N + offset for part, offset in zip(parts, offsets, strict=False)]).astype(
            np.int16
        ),
        row_N=np.concatenate([part.row_N for part in parts]),
        columns={name: _joined([_column(part, name) for part in parts]) for name in present},
        names={key: value for part in parts for key, value in part.names.items()},
        malformed=tuple(bad for part in parts for bad in part.malformed),
    )


def _column(part: RawRecords, name: str) -> pa.Array:
    return part.columns[name] if name in part.columns else pa.nulls(len(part))


def _joined(arrays: list[pa.Array]) -> pa.Array:
    kinds = {array.type for array in arrays if not pa.types.is_null(array.type)}
    kind = kinds.pop() if len(kinds) == 1 else pa.string()
    return pa.concat_arrays([array.cast(kind) for array in arrays])
