"""Many records in one immutable Parquet file, named by the hash of its bytes; readers take the union."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fieldmark.errors import UserError
from fieldmark.store import layout
from fieldmark.store.flat import Kind
from fieldmark.store.objects import Objects

if TYPE_CHECKING:
    import pyarrow.dataset as ds  # lazily elsewhere: it imports pandas

ROW_GROUP = 8_192
"""Rows read to reach one record's JSON."""
SORTED_BY = ("dataset", "fingerprint", "scale", "split", "score", "method", "config_id", "seed")
"""Rows that a table reads together lie together, so that whole row groups are passed over by their statistics."""

_DAMAGE = (pa.ArrowException, OSError)


def _format() -> "ds.ParquetFileFormat":
    import pyarrow.dataset as ds

    return ds.ParquetFileFormat(
        default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    )


def _opened(objects: Objects, key: str) -> "ds.ParquetFileFragment":
    fragment = _format().make_fragment(*objects.source(key))
    _ = fragment.physical_schema  # reads the file's end now, where what fails is waited for
    return fragment


def write_segment(objects: Objects, kind: Kind, table: pa.Table) -> str:
    """Writes flat rows as a segment and returns its key; the same rows give the same bytes and so the same key."""
    options = [name for name in table.column_names if name.startswith("config.")]
    table = table.drop_columns([name for name in options if table[name].null_count == len(table)])
    order = [name for name in (*SORTED_BY, kind.id) if name in table.column_names]
    table = table.sort_by([(name, "ascending") for name in order])
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=ROW_GROUP, write_page_checksum=True)
    data = buffer.getvalue()
    key = layout.segment(kind.name, hashlib.sha256(data).hexdigest()[:32])
    objects.put_once(key, data)
    return key


@dataclass(slots=True)
class Segment:
    """One file: opened once, its ids read at most once."""

    key: str
    fragment: "ds.ParquetFileFragment"
    kind: Kind
    _ids: pa.ChunkedArray | None = field(default=None, repr=False)

    @property
    def ids(self) -> pa.ChunkedArray:
        """The ids of its records, in the order of its rows."""
        if self._ids is None:
            self._ids = self.fragment.to_table(columns=[self.kind.id])[self.kind.id]
        return self._ids

    def has(self, identity: str) -> bool:
        """Whether it has a record of this id."""
        return bool(pc.index(self.ids, identity).as_py() >= 0)

    def record(self, identity: str) -> str | None:
        """Returns a record's JSON, or None; of the JSON column only the record's row group is read."""
        row = pc.index(self.ids, identity).as_py()
        if row < 0:
            return None
        for group in self.fragment.row_groups:
            if row < group.num_rows:
                return str(self.fragment.subset(row_group_ids=[group.id]).to_table(columns=["record"])["record"][row])
            row -= group.num_rows
        raise AssertionError("an id without a row")


class Segments:
    """The packed records of one kind, all files seen as one table."""

    def __init__(self, objects: Objects, kind: Kind) -> None:
        """Starts with no files; see `refresh`."""
        self._objects = objects
        self._kind = kind
        self._opened: dict[str, Segment] = {}
        self.damaged: dict[str, str] = {}
        """Key of a file that cannot be read to the reason."""

    def refresh(self) -> None:
        """Opens the files that are new; a segment never changes and never goes."""
        for key in self._objects.keys(layout.SEGMENTS):
            if key.startswith(f"{layout.SEGMENTS}/{self._kind.name}-") and key not in self._opened:
                self._open(key)

    def _open(self, key: str) -> None:
        try:
            fragment = self._objects.outlast(key, lambda: _opened(self._objects, key))
            missing = {self._kind.id, "record"} - set(fragment.physical_schema.names)
            if missing:
                raise pa.ArrowInvalid(f"no column {', '.join(sorted(missing))}")
        except _DAMAGE as error:
            self.damaged[key] = str(error).splitlines()[0]
            return
        self.damaged.pop(key, None)
        self._opened[key] = Segment(key, fragment, self._kind)

    @property
    def schema(self) -> pa.Schema:
        """The kind's columns, and what other releases have put beside them."""
        foreign: dict[str, pa.Field] = {}
        for segment in self._opened.values():
            for column in segment.fragment.physical_schema:
                if column.name not in self._kind.schema.names:
                    foreign.setdefault(column.name, column)
        return pa.schema([*self._kind.schema, *foreign.values()])

    def has(self, identity: str) -> bool:
        """Whether a file has this id."""
        return any(segment.has(identity) for segment in self._sound(lambda segment: segment.ids, strict=True))

    def record(self, identity: str) -> str | None:
        """Returns the JSON of a record, or None."""
        found: list[str | None] = []
        self._sound(lambda segment: found.append(segment.record(identity)), strict=True)
        return next((text for text in found if text is not None), None)

    def ids(self) -> pa.ChunkedArray:
        """Returns all ids."""
        segments = self._sound(lambda segment: segment.ids, strict=True)
        return pa.chunked_array([chunk for segment in segments for chunk in segment.ids.chunks], pa.string())

    def scan(self, columns: list[str], where: pc.Expression | None, *, strict: bool = True) -> pa.Table:
        """Returns these columns of the rows that match; an id that lies in two files comes twice.

        Raises:
            UserError: naming a damaged file; with `strict` off it is passed over.
        """
        self.check(strict)
        try:
            return self._read(list(self._opened.values()), columns, where)
        except _DAMAGE:
            sound = self._sound(lambda segment: self._read([segment], columns, where), strict)
            return self._read(sound, columns, where)

    def files(self) -> list[str]:
        """Returns the keys of the readable files."""
        return sorted(self._opened)

    def one(self, key: str) -> pa.Table:
        """Returns a whole file."""
        return self._read([self._opened[key]], self.schema.names, None)

    def check(self, strict: bool) -> None:
        """Raises UserError for the first damaged file, when strict."""
        if strict and self.damaged:
            key, reason = min(self.damaged.items())
            raise UserError(
                f"{self._objects.name(key)}: damaged segment ({reason}); "
                "restore it from a copy, or move it away to go on without its records"
            )

    def verify(self) -> None:
        """Compares every file with the hash in its name; what differs is damaged."""
        for key in [*self._opened, *self.damaged]:
            data = self._objects.get(key)
            if data is not None and hashlib.sha256(data).hexdigest()[:32] != key.rpartition("-")[2].partition(".")[0]:
                self._opened.pop(key, None)
                self.damaged.setdefault(key, "its bytes do not match its name")

    def _read(self, segments: list[Segment], columns: list[str], where: pc.Expression | None) -> pa.Table:
        import pyarrow.dataset as ds

        dataset = ds.FileSystemDataset([segment.fragment for segment in segments], self.schema, _format())
        return self._objects.outlast(layout.SEGMENTS, lambda: dataset.to_table(columns=columns, filter=where))

    def _sound(self, read: Callable[[Segment], Any], strict: bool) -> list[Segment]:
        """Returns the files with which `read` works; the others become damaged."""
        for key, segment in list(self._opened.items()):
            try:
                self._objects.outlast(key, partial(read, segment))
            except _DAMAGE as error:
                self.damaged[key] = str(error).splitlines()[0]
                del self._opened[key]
        self.check(strict)
        return list(self._opened.values())
