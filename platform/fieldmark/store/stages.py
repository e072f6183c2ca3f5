"""Cached intermediates: named arrays under the hash of their inputs."""

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldmark.errors import UserError
from fieldmark.store import layout
from fieldmark.store.commit import read_json
from fieldmark.store.faults import fault_point
from fieldmark.store.objects import Objects


def _manifest(key: str) -> str:
    return f"{layout.STAGES}/{key}/manifest.json"


def put_stage(objects: Objects, key: str, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> bool:
    """Writes the arrays and then, as the commit, the manifest; returns whether this call's arrays are the stage.

    Arrays are named by their content, so that two makers at once never mix theirs: the manifest that is first counts.
    """
    files = {}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        data = buffer.getvalue()
        files[name] = f"{name}-{hashlib.sha256(data).hexdigest()[:16]}.npy"
        objects.put_once(f"{layout.STAGES}/{key}/{files[name]}", data)
        fault_point("stage.array")
    manifest = json.dumps({"format": 1, "arrays": files, "meta": dict(meta)}, indent=1)
    made = objects.put_once(_manifest(key), manifest.encode())
    fault_point("stage.manifest")
    return made


def get_stage(objects: Objects, key: str) -> dict[str, NDArray[Any]] | None:
    """Returns the arrays by name, or None where the stage is not complete.

    Raises:
        UserError: naming a damaged file.
    """
    if not objects.exists(_manifest(key)):
        return None
    files = read_json(objects, _manifest(key))["arrays"]
    return {name: _array(objects, f"{layout.STAGES}/{key}/{file}") for name, file in files.items()}


def get_stage_meta(objects: Objects, key: str) -> dict[str, Any] | None:
    """Returns what was stored beside the arrays, or None where the stage is not complete."""
    if not objects.exists(_manifest(key)):
        return None
    meta: dict[str, Any] = read_json(objects, _manifest(key))["meta"]
    return meta


def _array(objects: Objects, key: str) -> NDArray[Any]:
    """Returns an array; one in a folder is mapped, so that all processes of a machine share its memory."""
    try:
        if objects.root is None:
            return _loaded(io.BytesIO(objects.get(key) or b""))
        # Copy on write: torch takes no array that cannot be written to, and the file stays as it is.
        file = objects.root / key
        return np.asarray(objects.outlast(key, lambda: np.load(file, mmap_mode="c", allow_pickle=False)))
    except UserError:  # cannot be read just now
        raise
    except (ValueError, EOFError, OSError) as error:
        raise UserError(f"{objects.name(key)}: damaged stage; move its folder away to have it made again") from error


def _loaded(stream: io.BytesIO) -> NDArray[Any]:
    found: NDArray[Any] = np.load(stream, allow_pickle=False)
    return found
