"""Folders of pictures: `folder:DIR`, with a split file in it, train and val folders, or just a folder a class."""

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from fieldmark.data.fingerprint import hash_file
from fieldmark.data.given_splits import WORDS
from fieldmark.data.observations import Observations
from fieldmark.data.readers import delimited, names
from fieldmark.data.readers.clean import Source, clean
from fieldmark.data.readers.folders import first_existing
from fieldmark.data.readers.raw import RawRecords, one_file
from fieldmark.data.readers.registry import reader
from fieldmark.data.readers.table import read_records
from fieldmark.errors import UserError

SPLIT_FILES = ("split.csv", "splits.csv", "split.tsv", "splits.tsv")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic")
"""What a picture's name ends in; whether it can be decoded is found out when it is."""
_REQUIRED = ("image", "label")
_HEADER_BYTES = 1 << 16
_EXPECTED = (
    "expected a split file with columns file, class and split, or pictures in train/CLASS, val/CLASS and test/CLASS, "
    "or in CLASS"
)


@reader("folder")
def read_folder(folder: str) -> Observations:
    """Reads the pictures of a folder; a picture's id is its path.

    There are three forms. A table in the folder names each picture's file (relative to the folder) and class, and may
    give split, place, date and observer: `split.csv`, or the one CSV or TSV file with such columns. Else `train/CLASS`
    has the pictures, with `val/CLASS` or `test/CLASS` beside it. Else `CLASS` has them, without a split. In the last
    two forms, hidden files and files that do not end as pictures do are passed over, and a picture outside of a class
    folder is a bad record.

    Raises:
        UserError: if there is no such folder, no picture in a class folder, or a split file without what it needs.
    """
    if not folder:
        raise UserError("folder: expected a folder of pictures, as in folder:DIR")
    if not os.path.isdir(folder):
        raise UserError(f"{folder}: no such folder")
    root = os.path.abspath(folder)
    table = _split_file(folder)
    raw = _scanned(folder) if table is None else _listed(table)
    hashes = {} if table is None else {"split": hash_file(table)}
    return clean(raw, Source(name=delimited.base_name(root) or "folder", fingerprint=hashes, image_root=root))


def _split_file(folder: str) -> str | None:
    given = first_existing(folder, *SPLIT_FILES)
    if given is not None:
        return given
    tables = sorted(name for name in os.listdir(folder) if name.lower().endswith((".csv", ".tsv")))
    fit = [path for path in (os.path.join(folder, name) for name in tables) if _lists_pictures(path)]
    if len(fit) > 1:
        found = ", ".join(os.path.basename(path) for path in fit)
        raise UserError(f"{folder}: {found} have a file and a class column each; expected one, or {SPLIT_FILES[0]}")
    return fit[0] if fit else None


def _lists_pictures(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            names.match(delimited.sniff(stream.read(_HEADER_BYTES), path).header, path, _REQUIRED)
    except (UserError, OSError):
        return False
    return True


def _listed(table: str) -> RawRecords:
    raw = read_records(table, _REQUIRED)
    if not len(raw) and not raw.malformed:
        raise UserError(f"{table}: a header but no records")
    if "id" in raw.columns:
        return raw
    columns = {**raw.columns, "id": raw.columns["image"]}
    return replace(raw, columns=columns, names={**raw.names, "id": raw.name("image")})


def _scanned(folder: str) -> RawRecords:
    parts = _part_folders(folder)
    found = [(part, path) for part in parts or [""] for path in pictures_in(os.path.join(folder, part))]
    # A class folder's name, at whatever depth below it the picture lies.
    labels = [path.split("/", 1)[0] if "/" in path else None for _, path in found]
    if not any(labels):
        raise UserError(f"{folder}: no pictures in folders of classes; {_EXPECTED}")
    # A file whose name is not UTF-8 is then not found under the name that can be told, and so left out and listed.
    paths = pa.array([printable(f"{part}/{path}" if part else path) for part, path in found], pa.string())
    columns = {"id": paths, "image": paths, "label": pa.array(map(_label, labels), pa.string())}
    if len({WORDS[part.lower()] for part in parts}) > 1:
        columns["split"] = pa.array([part for part, _ in found], pa.string())
    file = os.path.basename(os.path.abspath(folder))
    return one_file(file, columns, row_N=np.arange(len(found)), names={"label": "class folder"})


def _label(name: str | None) -> str | None:
    return None if name is None else printable(name)


def _part_folders(folder: str) -> list[str]:
    """Returns the folders that are parts of a split; none where the folders are classes.

    Raises:
        UserError: if there are parts and nothing to learn from.
    """
    inside = _folders(folder)
    parts = [name for name in inside if name.lower() in WORDS]
    train = [name for name in parts if WORDS[name.lower()] == "train"]
    if parts == inside and parts and not train:
        raise UserError(f"{folder}: {', '.join(parts)} without a train folder; {_EXPECTED}")
    # `train` may be a class among others, a vehicle: then its pictures lie right in it.
    has_classes = any(_folders(os.path.join(folder, name)) for name in train)
    return parts if has_classes and (len(parts) > 1 or parts == inside) else []


def _folders(folder: str) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def pictures_in(top: str) -> Iterator[str]:
    """Yields the paths of pictures below a folder, relative to it, with `/`, in order of their names.

    Links are followed, and each real folder is visited once: under its own name where that is below the top.
    """
    real_top = os.path.realpath(top)
    seen = {real_top}
    for folder, folders, files in os.walk(top, followlinks=True):
        shown = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in shown if _is_new(os.path.join(folder, name), real_top, seen)]
        prefix = os.path.relpath(folder, top).replace(os.sep, "/") + "/"
        for name in sorted(files):
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                yield f"{prefix}{name}".removeprefix("./")


def _is_new(folder: str, real_top: str, seen: set[str]) -> bool:
    """Whether to look into a folder, which is then taken down as seen."""
    real = os.path.realpath(folder)
    if real in seen or (os.path.islink(folder) and _has_own_name(real, real_top)):
        return False
    seen.add(real)
    return True


def _has_own_name(real: str, real_top: str) -> bool:
    """Whether a real folder is come to without a link: it is below the top, and not hidden."""
    return not any(part.startswith(".") for part in os.path.relpath(real, real_top).split(os.sep))


def printable(path: str) -> str:
    """Returns a path that can be written: bytes that are not UTF-8 stand as backslash, x and two digits."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
