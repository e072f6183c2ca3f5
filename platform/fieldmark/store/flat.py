"""A record as a flat row: what a query filters and groups by stands in a column of its own."""

import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import pyarrow as pa

from fieldmark.config import MethodConfig, RunSpec, Scale, canonical_json
from fieldmark.store.records import METRICS, EvaluationRecord, RunRecord

AnyRecord = RunRecord | EvaluationRecord


def _arrow_type(annotation: Any) -> pa.DataType:
    options = [option for option in get_args(annotation) if option is not type(None)]
    if get_origin(annotation) in (typing.Union, types.UnionType) and len(options) == 1:
        annotation = options[0]
    if get_origin(annotation) is Literal:
        annotation = type(get_args(annotation)[0])
    scalars = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    return scalars.get(annotation, pa.string())  # anything nested is kept as its JSON


def _config_fields() -> dict[str, pa.DataType]:
    found: dict[str, pa.DataType] = {}
    for method in get_args(get_args(MethodConfig)[0]):
        for name, info in method.model_fields.items():
            kind = _arrow_type(info.annotation)
            if found.setdefault(f"config.{name}", kind) != kind:  # two methods disagree: the wider of the two
                numbers = {found[f"config.{name}"], kind} <= {pa.int64(), pa.float64()}
                found[f"config.{name}"] = pa.float64() if numbers else pa.string()
    return found


_CONFIG = _config_fields()
_STRING, _INTEGER, _REAL = pa.string(), pa.int64(), pa.float64()
_IDENTITY = {
    "method": _STRING,
    "config_id": _STRING,
    "config": _STRING,
    "dataset": _STRING,
    "fingerprint": _STRING,
    "protocol": _STRING,
    "scale": _STRING,
    "scale_k": _INTEGER,
    "category_size": _REAL,
    "seed": _INTEGER,
    "sweep": _STRING,
    "role": _STRING,
    "parameters": _INTEGER,
    "seconds": _REAL,
}
_NUMBERS = dict.fromkeys(METRICS, _REAL)
_RUN = {
    "run_id": _STRING,
    **_IDENTITY,
    "status": _STRING,
    "number": _INTEGER,
    "group": _STRING,
    "multiply_adds": _INTEGER,
    "epochs": _INTEGER,
    "cpu_seconds": _REAL,
    "started": _REAL,
    "ended": _REAL,
    "host": _STRING,
    **_NUMBERS,
    **_CONFIG,
    "record": _STRING,
}
_EVALUATION = {
    "evaluation_id": _STRING,
    "run_id": _STRING,
    "runs": _INTEGER,
    "run_ids": pa.list_(_STRING),
    **_IDENTITY,
    "split": _STRING,
    "score": _STRING,
    "view": _STRING,
    "n": _INTEGER,
    **_NUMBERS,
    **_CONFIG,
    "record": _STRING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the two kinds of records: where it lies and what its columns are."""

    name: Literal["runs", "evaluations"]
    folder: str
    """Of records that are not packed yet."""
    id: str
    """The column that is unique."""
    schema: pa.Schema


RUNS = Kind(name="runs", folder="records", id="run_id", schema=pa.schema(_RUN))
EVALUATIONS = Kind(name="evaluations", folder="evaluations", id="evaluation_id", schema=pa.schema(_EVALUATION))


def parse(kind: Kind, text: str | bytes) -> AnyRecord:
    """Returns the record of a JSON text.

    Raises:
        ValueError: where it is not one.
    """
    return RunRecord.model_validate_json(text) if kind is RUNS else EvaluationRecord.model_validate_json(text)


def record_id(record: AnyRecord) -> str:
    """Returns the id under which a record is stored."""
    return record.run_id if isinstance(record, RunRecord) else record.evaluation_id


def flat_row(record: AnyRecord, text: str) -> dict[str, Any]:
    """Returns a record's columns; `text` is its JSON as stored."""
    own = _run_columns(record) if isinstance(record, RunRecord) else _evaluation_columns(record)
    numbers = {name: record.metrics.get(name) for name in METRICS}
    return {**_identity(record.spec, record.scale), **own, **numbers, "record": text}


def _identity(spec: RunSpec, scale: Scale) -> dict[str, Any]:
    dumped = spec.config.model_dump(mode="json")
    return {
        "method": spec.config.method,
        "config_id": spec.config.config_id,
        "config": canonical_json(dumped),
        **{f"config.{name}": _cell(f"config.{name}", value) for name, value in dumped.items()},
        "dataset": spec.dataset,
        "fingerprint": spec.fingerprint,
        "protocol": spec.protocol,
        "seed": spec.seed,
        "scale": scale.name,
        "scale_k": scale.k,
        "category_size": scale.category_size,
    }


def _cell(name: str, value: Any) -> Any:
    """Returns a configuration value as its column holds it: what is no scalar of the column's type is JSON."""
    if value is None or isinstance(value, str) or not pa.types.is_string(_CONFIG[name]):
        return value
    return canonical_json(value)


def _run_columns(record: RunRecord) -> dict[str, Any]:
    trial, cost, provenance = record.trial, record.cost, record.provenance
    return {
        "run_id": record.run_id,
        "status": record.status,
        "sweep": trial.sweep,
        "number": trial.number,
        "group": trial.group,
        "role": trial.role,
        "parameters": record.parameters,
        "multiply_adds": record.multiply_adds,
        "epochs": record.epochs,
        "seconds": cost.seconds,
        "cpu_seconds": cost.cpu_seconds,
        "started": provenance.started,
        "ended": provenance.ended,
        "host": provenance.host,
    }


def _evaluation_columns(record: EvaluationRecord) -> dict[str, Any]:
    return {
        "evaluation_id": record.evaluation_id,
        "run_id": record.run_ids[0],
        "runs": len(record.run_ids),
        "run_ids": list(record.run_ids),
        "split": record.split,
        "score": record.score,
        "view": record.view or None,  # null like the segments of older releases, so that one condition finds both
        "n": record.n,
        "sweep": record.sweep,
        "role": record.role,
        "parameters": record.parameters,
        "seconds": record.seconds,
    }
