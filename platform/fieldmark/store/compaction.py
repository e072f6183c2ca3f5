"""Packing loose records into segments, and copying the records of another store."""

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.errors import UserError
from fieldmark.store import layout
from fieldmark.store.catalogue import Catalogue
from fieldmark.store.commit import agree, keep_conflict
from fieldmark.store.faults import fault_point
from fieldmark.store.objects import Objects
from fieldmark.store.records import METRICS
from fieldmark.store.segments import write_segment

COPIED = (
    layout.CURVES,
    layout.PREDICTIONS,
    layout.WEIGHTS,
    layout.CATEGORIES,
    layout.EXTENSIONS,
    layout.STAGES,
    layout.DATASETS,
    layout.LOGS,
    layout.CONFLICTS,
    layout.RETRACTIONS,
    layout.SWEEPS,
)
"""What a merge copies as it is, where the target has none. Checkpoints stay: their runs are somebody else's."""


@dataclass(slots=True)
class MergeReport:
    """What a merge brought."""

    runs: int = 0
    evaluations: int = 0
    conflicts: list[str] = field(default_factory=list)
    """Ids whose records disagree between the stores."""
    files: int = 0
    """Curves, predictions, stages and the like."""


def pack(objects: Objects, catalogue: Catalogue) -> int:
    """Packs the loose records of one kind and returns how many it packed.

    The segment is there before the first loose record goes. Cut off at any point, it leaves the same union, and doing
    it again finishes it.
    """
    catalogue.refresh()
    loose = catalogue.loose()
    packed = catalogue.segments.ids()
    new, known = _divide(loose, catalogue.kind.id, packed)
    for row in _disagreeing(catalogue, known):
        keep_conflict(objects, row[catalogue.kind.id], row["record"].encode())
    if len(new):
        write_segment(objects, catalogue.kind, new)
        fault_point("compact.segment")
    for _ in objects.delete_many(catalogue.key(identity) for identity in loose[catalogue.kind.id].to_pylist()):
        fault_point("compact.deleted")
    catalogue.refresh()
    return len(new)


def merge_records(source: Catalogue, target: Catalogue, objects: Objects) -> tuple[int, list[str]]:
    """Copies the records that the target lacks; both have been read just now.

    It writes a segment for each one of the source, and one for what is loose there.

    Returns:
        how many were new, and the ids on which the stores disagree (kept under ``conflicts/``).
    """
    copied, conflicts = 0, []
    present = set(target.segments.files())
    keys = [key for key in source.segments.files() if key not in present]
    for table in [*(source.segments.one(key) for key in keys), source.loose()]:
        new, known = _divide(table, source.kind.id, target.ids())
        for row in _disagreeing(target, known):
            keep_conflict(objects, row[source.kind.id], row["record"].encode())
            conflicts.append(row[source.kind.id])
        if len(new):
            write_segment(objects, target.kind, new)
            fault_point("merge.segment")
            copied += len(new)
            target.refresh()
    return copied, conflicts


def copy_files(source: Objects, target: Objects) -> int:
    """Copies what the target lacks: a stage's manifest after its arrays, a sweep without its lease."""
    copied = 0
    for folder in COPIED:
        keys = [key for key in source.keys(folder) if "/lease/" not in key]
        present = set(target.keys(folder))
        for key in sorted(set(keys) - present, key=lambda key: (key.endswith("/manifest.json"), key)):
            data = source.get(key)
            if data is not None and target.put_once(key, data):
                fault_point("merge.copied")
                copied += 1
    return copied


def _divide(table: pa.Table, column: str, known: pa.ChunkedArray) -> tuple[pa.Table, pa.Table]:
    """Returns the rows whose ids are new, and those whose ids are known."""
    is_known = pc.is_in(table[column], value_set=known.combine_chunks())
    return table.filter(pc.invert(is_known)), table.filter(is_known)


def _disagreeing(catalogue: Catalogue, rows: pa.Table) -> list[dict[str, str]]:
    """Returns id and record of the rows whose metrics are not those of the catalogue's record of that id."""
    if not len(rows):
        return []
    column = catalogue.kind.id
    where = pc.field(column).isin(rows[column].combine_chunks())
    kept = {row[column]: row for row in catalogue.table([column, *METRICS], where).to_pylist()}
    candidates = rows.select([column, "record", *METRICS]).to_pylist()
    return [row for row in candidates if not agree(kept[row[column]], row)]


def check_other(source: str, target: str) -> None:
    """Raises UserError for a merge of a store into itself."""
    if source == target:
        raise UserError(f"store merge: {source} is both source and target")
