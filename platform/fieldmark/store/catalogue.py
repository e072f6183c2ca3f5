"""All records of one kind as one flat table: the loose ones and the packed ones, by id."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.errors import UserError
from fieldmark.store.flat import AnyRecord, Kind, flat_row, parse, record_id
from fieldmark.store.objects import Objects
from fieldmark.store.segments import Segments

MOST_CHUNKS = 64


class Catalogue:
    """Reads each loose record once, remembers it as a row, and joins it to the segments."""

    def __init__(self, objects: Objects, kind: Kind) -> None:
        """Reads nothing yet."""
        self.kind = kind
        self.segments = Segments(objects, kind)
        self.damaged: dict[str, str] = {}
        """Key of a loose record that cannot be read to the reason."""
        self._objects = objects
        self._loose = kind.schema.empty_table()
        self._loose_ids: set[str] = set()

    def key(self, identity: str) -> str:
        """Returns where a loose record lies."""
        return f"{self.kind.folder}/{identity}/record.json"

    def refresh(self) -> None:
        """Reads what is new."""
        # Loose records first and segments after them: compaction writes the segment before it deletes, so that a record
        # that vanishes between the two listings is found in the second.
        keys = [key for key in self._objects.keys(self.kind.folder) if key.endswith("/record.json")]
        listed = {key.split("/")[1]: key for key in keys}
        gone = self._loose_ids - listed.keys()
        if gone:
            kept = pc.invert(pc.is_in(self._loose[self.kind.id], pa.array(sorted(gone), pa.string())))
            self._loose = self._loose.filter(kept)
            self._loose_ids -= gone
        self._read_loose([key for identity, key in listed.items() if identity not in self._loose_ids])
        self.segments.refresh()

    def _read_loose(self, keys: list[str]) -> None:
        self.damaged = {}
        rows = []
        for key, data in zip(keys, self._objects.get_many(keys), strict=True):
            if data is None:  # packed in this instant: the segments have it
                continue
            try:
                record = parse(self.kind, data)
                if record_id(record) != key.split("/")[1]:
                    raise ValueError("it is the record of another id")
                rows.append(flat_row(record, data.decode()))
            except ValueError as error:
                self.damaged[key] = str(error).splitlines()[0]
        if rows:
            new = pa.Table.from_pylist(rows, schema=self.kind.schema)
            self._loose = pa.concat_tables([self._loose, new])
            self._loose_ids.update(new[self.kind.id].to_pylist())
            if self._loose[self.kind.id].num_chunks > MOST_CHUNKS:
                self._loose = self._loose.combine_chunks()

    def check(self, strict: bool) -> None:
        """Raises UserError for the first damaged file, when strict."""
        self.segments.check(strict)
        if strict and self.damaged:
            key, reason = min(self.damaged.items())
            raise UserError(
                f"{self._objects.name(key)}: damaged record ({reason}); "
                "restore it from a copy, or move it away to have it made again"
            )

    def table(self, columns: Sequence[str], where: pc.Expression | None, *, strict: bool = True) -> pa.Table:
        """Returns these columns of the matching records, each id once.

        Raises:
            UserError: naming a damaged file (`strict`), or a column that no record has.
        """
        self.check(strict)
        schema = self.segments.schema
        unknown = set(columns) - set(schema.names)
        if unknown:
            raise UserError(f"no column {', '.join(sorted(unknown))} in {self.kind.name}")
        wanted = list(dict.fromkeys([*columns, self.kind.id]))
        loose = self._padded(schema)  # first: a condition that makes no sense fails here, and is not taken for damage
        if where is not None:
            loose = loose.filter(where)
        packed = self.segments.scan(wanted, where, strict=strict)
        found = _each_once(pa.concat_tables([packed, loose.select(wanted)]), self.kind.id)
        return found.select(list(columns))

    def _padded(self, schema: pa.Schema) -> pa.Table:
        table = self._loose
        for column in list(schema)[len(table.column_names) :]:
            table = table.append_column(column, pa.nulls(len(table), column.type))
        return table

    def loose(self) -> pa.Table:
        """Returns the rows of the loose records, all columns."""
        return self._loose

    def ids(self) -> pa.ChunkedArray:
        """Returns the ids of all records as of the last refresh."""
        return pa.chunked_array([*self._loose[self.kind.id].chunks, *self.segments.ids().chunks], pa.string())

    def has(self, identity: str) -> bool:
        """Whether a record of this id is stored; one or two requests where it was not known already."""
        if identity in self._loose_ids or self.segments.has(identity) or self._objects.exists(self.key(identity)):
            return True
        self.segments.refresh()
        return self.segments.has(identity)

    def record(self, identity: str) -> AnyRecord | None:
        """Returns the record of this id, or None.

        Raises:
            UserError: naming a damaged file.
        """
        data: str | bytes | None = self.segments.record(identity) or self._objects.get(self.key(identity))
        if data is None:
            self.segments.refresh()
            data = self.segments.record(identity)
        if data is None:
            return None
        try:
            return parse(self.kind, data)
        except ValueError as error:
            self.damaged[self.key(identity)] = str(error).splitlines()[0]
            self.check(True)
            raise


def _each_once(table: pa.Table, column: str) -> pa.Table:
    """Returns the first row of every id; overlaps are rare (two packed the same records at once), so look first."""
    ids = table[column]
    if pc.count_distinct(ids).as_py() == len(table):
        return table
    numbered = pa.table({"id": ids, "row": pa.array(range(len(table)), pa.int64())})
    first = numbered.group_by("id", use_threads=False).aggregate([("row", "min")])["row_min"]
    return table.take(first.sort())
