"""Answers into a file, which is there whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from fieldmark.errors import UserError

ENDINGS = (".csv", ".parquet")


def check_output(path: Path, source: Path, *, force: bool = False) -> None:
    """Refuses a file that could not be written, or must not be, before anything is done.

    Args:
        path: of the answers.
        source: what is asked about, which is never replaced.
        force: a file that is there already may be replaced.

    Raises:
        UserError: its ending is not one of ENDINGS, its folder is not there, or the file is taken.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"--out {path}: expected a name that ends in {' or '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise UserError(f"--out {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UserError(f"--out {path}: is a folder; expected the name of a file")
    if path.exists() and source.exists() and path.samefile(source):
        raise UserError(f"--out {path}: is what is asked about; choose another name")
    if os.path.lexists(path) and not force:
        raise UserError(f"--out {path}: is there already; choose another, or --force replaces it")


@contextmanager
def answer_file(path: Path, schema: pa.Schema) -> Iterator[Any]:
    """Gives a writer with `write_batch`; the file gets its name when all went well, else it is taken away."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        # By an open file, for Arrow takes no path that is not UTF-8.
        with draft.open("wb") as file, _writer(file, path.suffix.lower(), schema) as writer:
            yield writer
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _writer(file: BinaryIO, ending: str, schema: pa.Schema) -> Any:
    if ending == ".parquet":
        import pyarrow.parquet as pq

        return pq.ParquetWriter(file, schema, compression="zstd")
    import pyarrow.csv as pacsv

    return pacsv.CSVWriter(file, schema)
