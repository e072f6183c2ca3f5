"""What listings of a store say of its objects, and the files beside them that no listing shows."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_TEMPORARY = re.compile(r"#\d+$")  # as obstore names what it has not finished; in a key it writes %23 for the sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An object in a listing."""

    key: str
    bytes: int
    modified: datetime
    """When it was last written, by the storage's clock."""


def entries_of(listed: Iterable[Any]) -> list[Entry]:
    """Returns obstore's listing, sorted by the keys."""
    found = (Entry(key=one["path"], bytes=int(one["size"]), modified=one["last_modified"]) for one in listed)
    return sorted(found, key=lambda entry: entry.key)


def is_temporary(name: str) -> bool:
    """Whether a file of that name is one that was being written."""
    return _TEMPORARY.search(name) is not None


def temporaries_in(root: Path) -> list[Entry]:
    """Returns the unfinished files in a folder and below; keys are paths below it."""
    found = []
    for file in sorted(root.rglob("*#*")):
        with suppress(FileNotFoundError):  # finished in this instant
            if is_temporary(file.name) and file.is_file():
                status = file.stat()
                modified = datetime.fromtimestamp(status.st_mtime, UTC)
                found.append(Entry(key=str(file.relative_to(root)), bytes=status.st_size, modified=modified))
    return found
