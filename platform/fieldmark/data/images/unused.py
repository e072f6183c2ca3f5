"""Packed images in this machine's cache that nobody has read for a while; a training that wants one makes it anew."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fieldmark.data.images.packed import cache_folder

UNUSED_S = 30 * 86400.0
_PACK = re.compile(r"(whole|\d+px)-[0-9a-f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedPack:
    """The files of a pack."""

    folder: Path
    files: tuple[Path, ...]
    bytes: int

    def delete(self) -> None:
        """Deletes the files; whoever reads one just now keeps it until it is closed."""
        for file in self.files:
            file.unlink(missing_ok=True)
        with suppress(OSError):  # somebody makes it anew
            self.folder.rmdir()


def unused_packs(cache: Path | None = None, *, now: Callable[[], float] = time.time) -> list[UnusedPack]:
    """Returns the packs of which no file was read or written for `UNUSED_S` seconds.

    Where the file system keeps no times of reading, those of writing count.

    Args:
        cache: where; None: see `cache_folder`.
        now: a Unix clock.
    """
    root = cache_folder(cache)
    folders = [one for one in sorted(root.iterdir()) if _PACK.fullmatch(one.name)] if root.is_dir() else []
    packs = ((folder, tuple(sorted(file for file in folder.iterdir() if file.is_file()))) for folder in folders)
    found = []
    for folder, files in packs:
        status = [file.stat() for file in files]
        used = max((max(one.st_atime, one.st_mtime) for one in status), default=folder.stat().st_mtime)
        if now() - used > UNUSED_S:
            found.append(UnusedPack(folder=folder, files=files, bytes=sum(one.st_size for one in status)))
    return found
