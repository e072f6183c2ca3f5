"""The identity of a data set: a hash of its annotation bytes and of its image files' paths and sizes."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldmark.config import digest

READERS_NUMERICS = 1
"""Raise it when a reader's change gives other observations from the same bytes."""


def cache_file() -> Path:
    """Returns where hashes of files are remembered: `$XDG_CACHE_HOME/fieldmark` or `~/.cache/fieldmark`."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "fieldmark" / "fingerprints.json"


def hash_file(path: str | os.PathLike[str]) -> str:
    """Returns the SHA-256 of a file's bytes; a file with the same path, size and time is not read again."""
    status = os.stat(path)
    key = f"{os.path.abspath(path)}|{status.st_size}|{status.st_mtime_ns}"
    known = _load()
    if key not in known:
        with open(path, "rb") as stream:
            known[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        _save(_without_older(known, key))
    return known[key]


def combine(files: Mapping[str, str], *, images: Mapping[str, int] | None = None, future_records: int = 0) -> str:
    """Returns a data set's fingerprint.

    Args:
        files: Role of an annotation file (not its path: a data set may be moved) to its hash.
        images: Image path to size in bytes, or None without images.
        future_records: Records left out because of the day of reading; they may come back, and are then other data.
    """
    parts: dict[str, Any] = {"numerics": READERS_NUMERICS, "files": dict(files)}
    if images is not None:
        listing = hashlib.sha256()
        for path in sorted(images):
            listing.update(f"{path}\0{images[path]}\n".encode())
        parts["images"] = listing.hexdigest()
    if future_records:
        parts["future_records"] = future_records
    return digest(parts)


def _load() -> dict[str, str]:
    try:
        known = json.loads(cache_file().read_bytes())
    except (OSError, ValueError):
        return {}
    # A damaged cache costs a second, never a wrong answer.
    if not isinstance(known, dict):
        return {}
    return {key: value for key, value in known.items() if isinstance(value, str)}


def _without_older(known: dict[str, str], key: str) -> dict[str, str]:
    path = key.rsplit("|", 2)[0] + "|"
    return {other: value for other, value in known.items() if other == key or not other.startswith(path)}


def _save(known: Mapping[str, str]) -> None:
    target = cache_file()
    # An unwritable home is no reason to stop.
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".fingerprints-")
        with os.fdopen(handle, "w") as stream:
            json.dump(known, stream)
        os.replace(name, target)
