"""Tables of records: CSV, TSV or Parquet, plain or gz; `table:FILE[:IMAGE_ROOT]`, or `occurrences:`."""

import os

import numpy as np
import pyarrow as pa

from fieldmark.data.fingerprint import hash_file
from fieldmark.data.observations import Observations
from fieldmark.data.readers import delimited, names
from fieldmark.data.readers.clean import Source, clean
from fieldmark.data.readers.raw import RawRecords, one_file
from fieldmark.data.readers.registry import reader
from fieldmark.errors import UserError

_PARQUET_MAGIC = b"PAR1"


@reader("table", "occurrences")
def read_table(rest: str) -> Observations:
    """Reads a table by its column names (see `names.NAMES`); with an image folder, it needs no place.

    Raises:
        UserError: if the file or the image folder is missing, or the file is no table with the columns needed.
    """
    path, image_root = _path_and_root(rest)
    raw = read_records(path, names.REQUIRED if image_root is None else names.REQUIRED_WITH_IMAGES)
    if not len(raw) and not raw.malformed:
        raise UserError(f"{path}: a header but no records")
    if image_root is not None and "image" not in raw.columns:
        looked = ", ".join(names.NAMES["image"])
        raise UserError(f"{path}: an image folder was given, but there is no column for image ({looked})")
    _check_no_half_place(path, raw)
    source = Source(name=delimited.base_name(path), fingerprint={"table": hash_file(path)}, image_root=image_root)
    return clean(raw, source)


def _check_no_half_place(path: str, raw: RawRecords) -> None:
    """Refuses one coordinate alone: the other's column is misspelt, and every place would be lost without a word."""
    missing = [field for field in names.PLACE if field not in raw.columns]
    if len(missing) == 1:
        (given,) = (field for field in names.PLACE if field not in missing)
        looked = ", ".join(names.NAMES[missing[0]])
        raise UserError(f"{path}: a column {raw.name(given)}, but no column for {missing[0]} ({looked})")


def read_records(path: str, required: tuple[str, ...] = names.REQUIRED) -> RawRecords:
    """Returns a table's records as found.

    Raises:
        UserError: as `read_table`.
    """
    if os.path.isdir(path):
        raise UserError(f"{path}: is a folder; expected a CSV, TSV or Parquet file")
    content = delimited.read_bytes(path)
    file = os.path.basename(path)
    if content[:4] == _PARQUET_MAGIC:
        return _parquet_records(content, file, required)
    return text_records(content, file, required)


def text_records(content: bytes, file: str, required: tuple[str, ...] = names.REQUIRED) -> RawRecords:
    """Returns the records of delimited text.

    Raises:
        UserError: if it is not delimited text with the columns needed.
    """
    layout = delimited.sniff(content, file)
    wanted = names.match(layout.header, file, required)
    columns, row_N, malformed = delimited.read_columns(content, layout, wanted, file)
    found = {field: layout.header[position] for field, position in wanted.items()}
    return one_file(file, columns, row_N=row_N, names=found, malformed=malformed)


def _parquet_records(content: bytes, file: str, required: tuple[str, ...]) -> RawRecords:
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(pa.BufferReader(content))
        header = parquet.schema_arrow.names
        wanted = names.match(header, file, required)
        table = parquet.read(columns=sorted({header[position] for position in wanted.values()}))
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{file}: damaged Parquet file ({str(error).splitlines()[0][:160]})") from None
    nested = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    if nested:
        raise UserError(f"{file}: column {nested[0]} holds lists or structures; expected plain values")
    columns = {field: table[header[position]].combine_chunks() for field, position in wanted.items()}
    found = {field: header[position] for field, position in wanted.items()}
    return one_file(file, columns, row_N=np.arange(table.num_rows), names=found)


def _path_and_root(rest: str) -> tuple[str, str | None]:
    if not rest:
        raise UserError("table: expected a file, as in table:FILE[:IMAGE_ROOT]")
    if os.path.exists(rest) or ":" not in rest:
        return rest, None
    path, _, root = rest.rpartition(":")
    if os.path.exists(path) and not os.path.isdir(root):
        raise UserError(f"{root}: no such image folder")
    return path, root
