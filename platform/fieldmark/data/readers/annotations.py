"""COCO-like annotation JSON, as iNaturalist's competitions use it."""

import gc
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fieldmark.data.readers.raw import RawRecords, one_file
from fieldmark.errors import UserError

_BIG = 1 << 62
Items = Sequence[Mapping[str, Any]]


def load(path: str) -> Any:
    """Returns the content of a JSON file; NaN literals are let through.

    Raises:
        UserError: if the file is missing or no JSON.
    """
    # Millions of small objects without a cycle among them: the collector would only walk them again and again.
    collecting = gc.isenabled()
    gc.disable()
    try:
        with open(path, "rb") as stream:
            return json.loads(stream.read())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({str(error)[:160]})") from None
    finally:
        if collecting:
            gc.enable()


def items(content: Any, key: str, path: str) -> Items:
    """Returns the list of objects under a key.

    Raises:
        UserError: if it is missing or something else.
    """
    found = content.get(key) if isinstance(content, dict) else None
    return objects(found, f"{path}: {key}")


def objects(found: Any, what: str) -> Items:
    """Returns the value, if it is a list of objects.

    Raises:
        UserError: if it is not.
    """
    if not isinstance(found, list):
        raise UserError(f"{what}: expected a list of objects, found {type(found).__name__}")
    wrong = next((position for position, item in enumerate(found) if type(item) is not dict), None)
    if wrong is not None:
        raise UserError(f"{what}: entry {wrong} is no object but {type(found[wrong]).__name__}")
    return found


def keys(found: Items, key: str, path: str) -> list[Any]:
    """Returns the values of a key that tells objects apart.

    Raises:
        UserError: if one is a list or an object.
    """
    values = [item.get(key) for item in found]
    if {list, dict} & set(map(type, values)):
        raise UserError(f"{path}: {key} holds lists or objects; expected numbers")
    return values


def names_by_id(categories: Items, path: str) -> dict[int, str]:
    """Returns category id to name; names that occur twice get their id behind them.

    Raises:
        UserError: if an entry has no whole number as its id.
    """
    wrong = next((item for item in categories if type(item.get("id")) is not int), None)
    if wrong is not None:
        raise UserError(f"{path}: category {str(wrong)[:80]} has no whole number as its id")
    names = {item["id"]: str(item.get("name", item["id"])) for item in categories}
    seen: dict[str, int] = {}
    for name in names.values():
        seen[name] = seen.get(name, 0) + 1
    return {key: name if seen[name] == 1 else f"{name} ({key})" for key, name in names.items()}


def image_records(images: Items, labels: Items, split: str, path: str, fields: Mapping[str, pa.Array]) -> RawRecords:
    """Returns a record for each image, labelled through its annotation.

    The record's id is the image's file name: the numbers of train and val files may overlap. A training folder's name
    is left off, as the same photo lies in `train_mini/` and in `train/`.

    Args:
        images: Objects with `id` and `file_name`.
        labels: Objects with `image_id` and `category_id`.
        split: The part these images belong to.
        path: The annotation file.
        fields: Further columns, e.g. `latitude`.
    """
    categories = [item.get("category_id") for item in labels]
    category_of = dict(zip(keys(labels, "image_id", path), categories, strict=True))
    ids = keys(images, "id", path)
    files = [str(item.get("file_name") or f"{split}/{item.get('id')}") for item in images]
    # An id that appears twice names one photo: the second is found to be a duplicate.
    first_name: dict[Any, str] = {}
    names = [first_name.setdefault(key, _without_training_folder(file)) for key, file in zip(ids, files, strict=True)]
    columns = {
        "label": whole_numbers([category_of.get(key) for key in ids]),
        "id": pa.array(names),
        "image": pa.array(files),
        "split": pa.array([split]).take(pa.array(np.zeros(len(ids), np.int8))),
        **fields,
    }
    return one_file(os.path.basename(path), columns, row_N=np.arange(len(ids)), names={"label": "category_id"})


def _without_training_folder(file: str) -> str:
    part, _, rest = file.partition("/")
    return rest if part in {"train", "train_mini"} else file


def whole_numbers(values: list[Any]) -> pa.Array:
    """Returns int64, null where a value is no whole number."""
    try:
        return pa.array(values, pa.int64())
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        sound = (value if type(value) is int and abs(value) < _BIG else None for value in values)
        return pa.array(list(sound), pa.int64())


def mixed(values: list[Any]) -> pa.Array:
    """Returns numbers if all are, else text: JSON promises no type."""
    try:
        found = pa.array(values)
        if not pa.types.is_nested(found.type):
            return found
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        pass
    return pa.array([None if value is None else str(value) for value in values], pa.string())
