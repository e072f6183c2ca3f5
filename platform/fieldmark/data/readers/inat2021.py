"""iNaturalist 2021 and its mini training set: `inat2021:DIR`, `inat2021mini:DIR`."""

import os

from fieldmark.data.fingerprint import hash_file
from fieldmark.data.observations import Observations
from fieldmark.data.readers import annotations
from fieldmark.data.readers.clean import Source, clean
from fieldmark.data.readers.folders import image_root, require_folder
from fieldmark.data.readers.raw import RawRecords, concatenate
from fieldmark.data.readers.registry import reader, superset_reader

FULL = "train.json"
MINI = "train_mini.json"
VAL = "val.json"


@reader("inat2021")
def read_inat2021(folder: str) -> Observations:
    """Reads the full training set and the validation set. There are no observers in it.

    Raises:
        UserError: if the folder or train.json is missing or damaged.
    """
    return _read(folder, FULL, "inat2021")


@reader("inat2021mini")
def read_inat2021mini(folder: str) -> Observations:
    """Reads the mini training set (50 photos a category) and the validation set.

    Raises:
        UserError: if the folder or train_mini.json is missing or damaged.
    """
    return _read(folder, MINI, "inat2021mini")


@superset_reader("inat2021mini")
def read_full_training_set(folder: str) -> Observations | None:
    """Reads train.json, which contains the mini set, if it is there."""
    if not os.path.exists(os.path.join(folder, FULL)):
        return None
    return _read(folder, FULL, "inat2021", validation=False)


def _read(folder: str, train: str, name: str, *, validation: bool = True) -> Observations:
    require_folder(folder)
    parts = {train: "train"}
    if validation and os.path.exists(os.path.join(folder, VAL)):
        parts[VAL] = "val"
    catalogue: dict[int, str] = {}
    records = []
    for file, split in parts.items():
        raw, categories = _records(os.path.join(folder, file), split)
        records.append(raw)
        catalogue = catalogue or categories
    raw = concatenate(records)
    source = Source(
        name=name,
        fingerprint={file: hash_file(os.path.join(folder, file)) for file in parts},
        catalogue=catalogue,
        image_root=image_root(folder, raw),
    )
    return clean(raw, source)


def _records(path: str, split: str) -> tuple[RawRecords, dict[int, str]]:
    content = annotations.load(path)
    images = annotations.items(content, "images", path)
    fields = {
        field: annotations.mixed([image.get(field) for image in images]) for field in ("latitude", "longitude", "date")
    }
    labels = annotations.items(content, "annotations", path)
    categories = annotations.names_by_id(annotations.items(content, "categories", path), path)
    return annotations.image_records(images, labels, split, path, fields), categories
