"""iNaturalist 2017 and 2018: `inat2017:DIR`, `inat2018:DIR`; annotations, and locations in files of their own."""

import os
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from fieldmark.data.fingerprint import hash_file
from fieldmark.data.observations import Observations
from fieldmark.data.readers import annotations
from fieldmark.data.readers.clean import Source, clean
from fieldmark.data.readers.folders import first_existing, image_root, require_folder
from fieldmark.data.readers.raw import RawRecords, concatenate
from fieldmark.data.readers.registry import reader
from fieldmark.errors import UserError

_KEYS = {"latitude": "lat", "longitude": "lon", "date": "date", "observer": "user_id"}


@reader("inat2017")
def read_inat2017(folder: str) -> Observations:
    """Reads train2017.json and val2017.json, with places from trainYYYY_locations.json where there are any.

    Raises:
        UserError: if a file is missing or damaged.
    """
    return _read(folder, 2017)


@reader("inat2018")
def read_inat2018(folder: str) -> Observations:
    """Reads train2018.json and val2018.json, as `read_inat2017` does.

    Raises:
        UserError: if a file is missing or damaged.
    """
    return _read(folder, 2018)


def _read(folder: str, year: int) -> Observations:
    require_folder(folder)
    used: dict[str, str] = {}
    records, catalogue = [], _catalogue(folder, year, used)
    for split in ("train", "val"):
        path = first_existing(folder, f"{split}{year}.json")
        if path is None and split == "train":
            raise UserError(f"{os.path.join(folder, f'train{year}.json')}: no such file")
        if path is None:
            continue
        raw, categories = _records(path, split, _locations(folder, split, year, used))
        used[os.path.basename(path)] = hash_file(path)
        records.append(raw)
        catalogue = catalogue or categories
    raw = concatenate(records)
    root = image_root(folder, raw)
    return clean(raw, Source(name=f"inat{year}", fingerprint=used, catalogue=catalogue or _ids(raw), image_root=root))


def _catalogue(folder: str, year: int, used: dict[str, str]) -> dict[int, str]:
    path = first_existing(folder, f"categories{year}.json")
    if path is None:
        return {}
    used[os.path.basename(path)] = hash_file(path)
    return annotations.names_by_id(annotations.objects(annotations.load(path), path), path)


def _locations(folder: str, split: str, year: int, used: dict[str, str]) -> dict[Any, Mapping[str, Any]]:
    name = f"{split}{year}_locations.json"
    path = first_existing(folder, name, os.path.join(f"inat{year}_locations", name))
    if path is None:
        return {}
    used[name] = hash_file(path)
    found = annotations.objects(annotations.load(path), path)
    return dict(zip(annotations.keys(found, "id", path), found, strict=True))


def _records(path: str, split: str, locations: Mapping[Any, Mapping[str, Any]]) -> tuple[RawRecords, dict[int, str]]:
    content = annotations.load(path)
    images = annotations.items(content, "images", path)
    nowhere: Mapping[str, Any] = {}
    where = [locations.get(key, nowhere) for key in annotations.keys(images, "id", path)]
    fields = {field: annotations.mixed([item.get(key) for item in where]) for field, key in _KEYS.items()}
    labels = annotations.items(content, "annotations", path)
    categories = annotations.names_by_id(annotations.objects(content.get("categories", []), path), path)
    return annotations.image_records(images, labels, split, path, fields), categories


def _ids(raw: RawRecords) -> dict[int, str]:
    """Without a list of categories, their ids are their names."""
    found: pa.Array = raw.columns["label"].drop_null().unique()
    return {category: str(category) for category in found.to_pylist()}
