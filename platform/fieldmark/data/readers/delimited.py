"""Delimited text (comma, tab, semicolon) into Arrow columns, with row numbers, and without stopping at a torn row."""

import csv
import gzip
import io
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from fieldmark.data.observations import BadRecord
from fieldmark.errors import UserError

DELIMITERS = ",\t;|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a text file is cut into fields."""

    delimiter: str
    header: tuple[str, ...]
    """Column names, in order; a name may repeat."""
    skip: int = 1
    """Lines before the first record."""
    quote: str | bool = '"'


def read_bytes(path: str) -> bytes:
    """Returns a file's bytes, unpacked if its name ends in `.gz`.

    Raises:
        UserError: if the file is missing, unreadable or not what its name says.
    """
    try:
        with open(path, "rb") as stream:
            content = stream.read()
        return gzip.decompress(content) if path.endswith(".gz") else content
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "damaged or not a gzip file"
        raise UserError(f"{path}: cannot be read ({why})") from None


def sniff(content: bytes, file: str) -> Layout:
    """Returns the layout that the first line shows.

    Raises:
        UserError: if there is no first line, or it is not text.
    """
    first = content[: content.find(b"\n") if b"\n" in content else len(content)]
    if not first.strip():
        raise UserError(f"{file}: the file is empty; expected a header line with column names")
    if b"\0" in first:
        raise UserError(f"{file}: not a text file; expected CSV, TSV or Parquet")
    try:
        line = first.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        raise UserError(f"{file}: not UTF-8 text; expected CSV, TSV or Parquet") from None
    delimiter = max(DELIMITERS, key=line.count)
    try:
        header = next(csv.reader(io.StringIO(line), delimiter=delimiter), [])
    except csv.Error as error:
        raise UserError(f"{file}: the first line is no header ({error})") from None
    return Layout(delimiter=delimiter, header=tuple(name.strip() for name in header))


def read_columns(
    content: bytes, layout: Layout, wanted: Mapping[str, int], file: str
) -> tuple[dict[str, pa.Array], NDArray[np.int64], tuple[BadRecord, ...]]:
    """Returns the wanted columns as text, each record's row (the first line is 1), and rows of the wrong width.

    Args:
        content: The file's text.
        layout: How to cut it.
        wanted: Field to the position of its column.
        file: Its name, for messages.

    Raises:
        UserError: if the text cannot be parsed at all.
    """
    torn: list[tuple[int, int]] = []

    def skip_torn(row: pacsv.InvalidRow) -> str:
        torn.append((row.number, row.actual_columns))
        return "skip"

    names = [f"c{position}" for position in range(len(layout.header))]
    chosen = {names[position] for position in wanted.values()}
    try:
        table = pacsv.read_csv(
            pa.BufferReader(content),
            # One thread, as only then the parser knows row numbers.
            read_options=pacsv.ReadOptions(
                column_names=names, skip_rows=layout.skip, use_threads=False, block_size=1 << 24
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=layout.delimiter,
                quote_char=layout.quote,
                newlines_in_values=bool(layout.quote),
                ignore_empty_lines=False,
                invalid_row_handler=skip_torn,
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=sorted(chosen),
                column_types=dict.fromkeys(chosen, pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise UserError(f"{file}: cannot be read as delimited text ({str(error).splitlines()[0][:160]})") from None
    row_N = _rows(table.num_rows, layout.skip, [row for row, _ in torn])
    filled = _filled(table)
    if filled is not None:
        table, row_N = table.filter(pa.array(filled)), row_N[filled]
    columns = {field: table[names[position]].combine_chunks() for field, position in wanted.items()}
    expected = len(layout.header)
    malformed = tuple(
        BadRecord(file=file, row=row, field="row", reason=f"{count} fields where the header has {expected}")
        for row, count in torn
    )
    return columns, row_N, malformed


def _filled(table: pa.Table) -> NDArray[np.bool_] | None:
    """Returns which rows have anything in them, None if all have: a blank line is a row, so that numbers stay right."""
    empty = None
    for column in table.columns:
        this = pc.equal(column, "")
        empty = this if empty is None else pc.and_(empty, this)
        if not pc.any(empty).as_py():
            return None
    return None if empty is None else ~empty.to_numpy()


def _rows(count: int, skip: int, left_out: list[int]) -> NDArray[np.int64]:
    """Returns the row numbers of the records that are left when some rows were not cut into fields."""
    every = np.arange(skip + 1, skip + 1 + count + len(left_out), dtype=np.int64)
    return np.setdiff1d(every, np.array(left_out, np.int64), assume_unique=True)


def base_name(path: str) -> str:
    """Returns a file's name without its folder and endings, e.g. `west_namerica_butterflies`."""
    return os.path.basename(os.path.normpath(path)).split(".", 1)[0]
