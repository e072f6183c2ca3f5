"""Answers into a file, which is there whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from fieldmark.errors import UserError

ENDINGS = (".csv", ".parquet")


def check_output(path: Path) -> None:
    """Refuses a file that could not be written, before anything is done.

    Raises:
        UserError: its ending is not one of ENDINGS, or its folder is not there.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"--out {path}: expected a name that ends in {' or '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise UserError(f"--out {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UserError(f"--out {path}: is a folder; expected the name of a file")


@contextmanager
def answer_file(path: Path, schema: pa.Schema) -> Iterator[Any]:
    """Gives a writer with `write_batch`; the file gets its name when all went well, else it is taken away."""
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")
    try:
        with _writer(draft, path.suffix.lower(), schema) as writer:
            yield writer
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _writer(draft: Path, ending: str, schema: pa.Schema) -> Any:
    if ending == ".parquet":
        import pyarrow.parquet as pq

        return pq.ParquetWriter(str(draft), schema, compression="zstd")
    import pyarrow.csv as pacsv

    return pacsv.CSVWriter(str(draft), schema)
