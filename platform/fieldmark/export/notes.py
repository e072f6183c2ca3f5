"""What is worth saying of an input before it is asked about: a table that lacks what the model looks at."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from fieldmark.config import ClassifierConfig
from fieldmark.data.readers import delimited
from fieldmark.data.readers.names import NAMES
from fieldmark.export.inputs import DATE, PLACE, Inputs

_PARQUET_MAGIC = b"PAR1"
_SHOWN_COLUMNS = 12


def input_notes(source: Path, inputs: Inputs, config: ClassifierConfig) -> list[str]:
    """Returns a line where the model looks at place or date and the table has no column for it; else nothing.

    Args:
        source: the table.
        inputs: its rows.
        config: of the model.
    """
    if inputs.fields is None or not config.looks_at_location:
        return []
    asked = {"place": PLACE if config.encoding != "none" else (), "date": DATE if config.date else ()}
    asked = {what: fields for what, fields in asked.items() if fields}
    lacking = {what: [field for field in fields if field not in inputs.fields] for what, fields in asked.items()}
    lost = [what for what, fields in lacking.items() if fields]
    if not lost:
        return []
    looked = "; ".join(f"{field} ({', '.join(NAMES[field])})" for fields in lacking.values() for field in fields)
    how = "by the picture alone" if len(lost) == len(asked) else f"without {lost[0]}"
    return [f"{source.name}: no column for {looked}; found {_shown(_header(source))}: named {how}"]


def _header(table: Path) -> Sequence[str]:
    content = delimited.read_bytes(str(table))
    if content[: len(_PARQUET_MAGIC)] != _PARQUET_MAGIC:
        return delimited.sniff(content, table.name).header
    import pyarrow.parquet as pq

    names: list[str] = pq.read_schema(pa.BufferReader(content)).names
    return names


def _shown(header: Sequence[str]) -> str:
    return ", ".join(header[:_SHOWN_COLUMNS]) + (", ..." if len(header) > _SHOWN_COLUMNS else "")
