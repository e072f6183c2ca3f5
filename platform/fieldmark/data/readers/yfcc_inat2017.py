"""Flickr photos with iNaturalist 2017 labels, as published with fg_geo: `yfcc_inat2017:FILE` (CSV or its zip)."""

import os

import pyarrow.compute as pc

from fieldmark.data.fingerprint import hash_file
from fieldmark.data.observations import Observations
from fieldmark.data.readers import delimited
from fieldmark.data.readers.archive import Archive
from fieldmark.data.readers.clean import Source, clean
from fieldmark.data.readers.raw import one_file
from fieldmark.data.readers.registry import reader
from fieldmark.data.readers.values import texts
from fieldmark.errors import UserError

COLUMNS = {"id": "yfcc100m ID", "label": "label", "latitude": "latitude", "longitude": "longitude"}
_ID_DIGITS = 32


@reader("yfcc_inat2017")
def read_yfcc_inat2017(path: str) -> Observations:
    """Reads the photos' ids (32 hexadecimal digits; lost leading zeros are put back), labels and places. No dates.

    Raises:
        UserError: if the file is missing or has other columns.
    """
    content, file = _content(path)
    layout = delimited.sniff(content, file)
    absent = [name for name in COLUMNS.values() if name not in layout.header]
    if absent:
        raise UserError(f"{file}: no column {', '.join(absent)}; found {', '.join(layout.header)[:200]}")
    wanted = {field: layout.header.index(name) for field, name in COLUMNS.items()}
    columns, row_N, malformed = delimited.read_columns(content, layout, wanted, file)
    columns["id"] = pc.utf8_lpad(texts(columns["id"]), _ID_DIGITS, "0")
    raw = one_file(file, columns, row_N=row_N, names=COLUMNS, malformed=malformed)
    return clean(raw, Source(name="yfcc_inat2017", fingerprint={"table": hash_file(path)}))


def _content(path: str) -> tuple[bytes, str]:
    if not path.endswith(".zip"):
        return delimited.read_bytes(path), os.path.basename(path)
    archive = Archive(path)
    members = [name for name in archive.names() if name.endswith(".csv")]
    if not members:
        raise UserError(f"{path}: no CSV file in the zip")
    return archive.read(members[0]), members[0]
