"""YFCC100M-GEO100: `yfcc_geo100:DIR` with photo2gps.txt, or geo_prior's train_test_split.csv and class_names.csv."""

import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.data.fingerprint import hash_file
from fieldmark.data.observations import BadRecord, Observations
from fieldmark.data.readers import delimited
from fieldmark.data.readers.clean import Source, clean
from fieldmark.data.readers.folders import first_existing, image_root, require_folder
from fieldmark.data.readers.raw import RawRecords, one_file
from fieldmark.data.readers.registry import reader
from fieldmark.data.readers.values import numbers
from fieldmark.errors import UserError

PHOTOS = "photo2gps.txt"
SPLIT = "train_test_split.csv"
CLASSES = "class_names.csv"
_SPLIT_COLUMNS = {"image": "path", "latitude": "lat", "longitude": "lon", "split": "split", "label": "class"}


@reader("yfcc_geo100")
def read_yfcc_geo100(folder: str) -> Observations:
    """Reads photos of 100 classes with places, and geo_prior's split where its files are there. No dates.

    Raises:
        UserError: if the folder or both files are missing or damaged.
    """
    require_folder(folder)
    split, photos = first_existing(folder, SPLIT), first_existing(folder, PHOTOS)
    if split is None and photos is None:
        raise UserError(f"{folder}: neither {PHOTOS} nor {SPLIT} in it")
    used = [path for path in ((split, os.path.join(folder, CLASSES)) if split else (photos,)) if path]
    raw = _split_file(split, folder) if split else _photo_file(str(photos))
    if not len(raw):
        raise UserError(f"{used[0]}: no records in it")
    hashes = {os.path.basename(path): hash_file(path) for path in used}
    return clean(raw, Source(name="yfcc_geo100", fingerprint=hashes, image_root=image_root(folder, raw)))


def _photo_file(path: str) -> RawRecords:
    """Reads lines `class/photo.jpg LATITUDE LONGITUDE`."""
    try:
        lines = delimited.read_bytes(path).decode().splitlines()
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; expected lines of path, latitude, longitude") from None
    cut = [line.rsplit(maxsplit=2) for line in lines]
    whole = [position for position, parts in enumerate(cut) if len(parts) == 3]
    file = os.path.basename(path)
    torn = tuple(
        BadRecord(file=file, row=position + 1, field="row", reason="expected path, latitude, longitude")
        for position, parts in enumerate(cut)
        if len(parts) not in (0, 3)
    )
    images = [cut[position][0] for position in whole]
    columns = {
        "id": pa.array(images, pa.string()),
        "image": pa.array(images, pa.string()),
        "label": pa.array([image.split("/", 1)[0] for image in images], pa.string()),
        "latitude": pa.array([cut[position][1] for position in whole], pa.string()),
        "longitude": pa.array([cut[position][2] for position in whole], pa.string()),
    }
    return one_file(file, columns, row_N=np.array(whole, np.int64) + 1, malformed=torn)


def _split_file(path: str, folder: str) -> RawRecords:
    file = os.path.basename(path)
    columns, row_N, malformed = _table(path, _SPLIT_COLUMNS)
    names, _, _ = _table(os.path.join(folder, CLASSES), {"id": "id", "name": "name"})
    position = pc.index_in(_plain(columns["label"]), value_set=_plain(names["id"]))
    columns["label"] = names["name"].take(position)
    columns["id"] = columns["image"]
    return one_file(file, columns, row_N=row_N, names=_SPLIT_COLUMNS, malformed=malformed)


def _table(
    path: str, wanted: dict[str, str]
) -> tuple[dict[str, pa.Array], np.ndarray[tuple[int], np.dtype[np.int64]], tuple[BadRecord, ...]]:
    content = delimited.read_bytes(path)
    layout = delimited.sniff(content, path)
    absent = [name for name in wanted.values() if name not in layout.header]
    if absent:
        raise UserError(f"{path}: no column {', '.join(absent)}; found {', '.join(layout.header)[:200]}")
    positions = {field: layout.header.index(name) for field, name in wanted.items()}
    return delimited.read_columns(content, layout, positions, os.path.basename(path))


def _plain(column: pa.Array) -> pa.Array:
    """Class numbers, whether written 7 or 7.0."""
    return pa.array(numbers(column)[0])
