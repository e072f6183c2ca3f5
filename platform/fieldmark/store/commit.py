"""Recording once: the first record of an id stays, a second one that disagrees is kept beside it and shown."""

import hashlib
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic_core import to_json

from fieldmark.errors import UserError
from fieldmark.store import layout
from fieldmark.store.catalogue import Catalogue
from fieldmark.store.faults import fault_point
from fieldmark.store.flat import AnyRecord, record_id
from fieldmark.store.objects import Objects
from fieldmark.store.records import METRICS

TOLERANCE = 1e-6
"""Relative difference of a metric up to which two records of one id agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A record that came second for its id, with other metrics."""

    id: str
    file: str
    metrics: dict[str, float]
    """Of the record that came second; the first one's are in the catalogue."""


def encode(record: AnyRecord) -> bytes:
    """Returns the JSON of a record; infinities are the text `Infinity`, for JSON has no other way to write them."""
    return to_json(record.model_dump(), inf_nan_mode="strings")


def parquet(table: pa.Table) -> bytes:
    """Returns a table as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def agree(first: Mapping[str, float | None], second: Mapping[str, float | None]) -> bool:
    """Whether two records tell the same metrics, up to `TOLERANCE`."""
    return all(_close(first.get(name), second.get(name)) for name in METRICS)


def _close(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=TOLERANCE) or (math.isnan(a) and math.isnan(b))


def commit(
    objects: Objects, catalogue: Catalogue, record: AnyRecord, *, operation: str, artifact: tuple[str, pa.Table] | None
) -> bool:
    """Writes a record's artifact and then, as the commit, the record; returns whether this call recorded it.

    Args:
        objects: where to write.
        catalogue: of the record's kind.
        record: the record.
        operation: name in the fault points.
        artifact: key and table, or None.
    """
    identity = record_id(record)
    if not catalogue.has(identity):
        if artifact is not None:
            key, table = artifact
            objects.put_once(key, parquet(table))
            fault_point(f"{operation}.{'curve' if key.startswith(layout.CURVES) else 'predictions'}")
        if objects.put_once(catalogue.key(identity), encode(record)):
            fault_point(f"{operation}.record")
            return True
    kept = catalogue.record(identity)
    assert kept is not None, "records never go"
    if not agree(kept.metrics, record.metrics):
        keep_conflict(objects, identity, encode(record))
    return False


def keep_conflict(objects: Objects, identity: str, data: bytes) -> None:
    """Keeps the record that came second; metrics alone make its name, so that repeating it adds nothing."""
    metrics = json.dumps(json.loads(data)["metrics"], sort_keys=True)
    name = hashlib.sha256(metrics.encode()).hexdigest()[:32]
    if objects.put_once(f"{layout.CONFLICTS}/{identity}/{name}.json", data):
        fault_point("conflict.written")


def read_conflicts(objects: Objects) -> list[Conflict]:
    """Returns every record that came second and disagreed."""
    found = []
    for key in objects.keys(layout.CONFLICTS):
        record = read_json(objects, key)
        metrics = {name: float(value) for name, value in record["metrics"].items()}
        found.append(Conflict(id=key.split("/")[1], file=objects.name(key), metrics=metrics))
    return found


def read_json(objects: Objects, key: str) -> dict[str, Any]:
    """Returns a JSON object that is known to be there.

    Raises:
        UserError: naming the file, where it is damaged or gone.
    """
    data = objects.get(key)
    try:
        found = json.loads(data or b"")
        if not isinstance(found, dict):
            raise ValueError("not a JSON object")
    except ValueError as error:
        raise UserError(f"{objects.name(key)}: damaged ({error}); restore it from a copy, or move it away") from error
    return found
