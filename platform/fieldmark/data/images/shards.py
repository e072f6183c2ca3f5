"""One file of a packed image set: raw pixels, then where each picture is, then which ones are bad and why."""

import json
import os
import struct
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fieldmark.data.images.bad import BadImage

if TYPE_CHECKING:
    from torch import Tensor

PARTIAL = ".partial"
"""Ending of a file that is being written."""

_FOOTER = struct.Struct("<QQQ8s")  # where the index is, pictures, bytes of the list of bad ones, magic
_MAGIC = b"fm-pack1"
_INDEX = np.dtype("<i8")


@dataclass(frozen=True, slots=True)
class Bad:
    """A picture that cannot be used."""

    reason: str
    stamp: int
    """Of its file when it was looked at (see `Pictures.stamp`)."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A finished shard, mapped into memory; the file is not kept open, for there may be thousands."""

    pixels: NDArray[np.uint8]
    index_N3: NDArray[np.int64]
    """First byte, height and width of each picture; the height of a bad one is 0."""
    bad: Mapping[int, Bad]
    """By position in the shard."""

    def image(self, position: int) -> "Tensor":
        """Returns uint8 (3, H, W), a copy, ordered by row, column, colour in memory.

        Raises:
            BadImage: if it is one.
        """
        import torch

        if position in self.bad:
            raise BadImage(self.bad[position].reason)
        start, height, width = self.index_N3[position].tolist()
        stored = self.pixels[start : start + 3 * height * width].copy()
        return torch.from_numpy(stored).view(height, width, 3).permute(2, 0, 1)


def write_shard(path: Path, pictures: Iterable["Tensor | Bad"], *, pixels: bool) -> None:
    """Writes a shard under a name of its own and then renames it, so that it is whole or not there.

    Args:
        path: its final name; a file of that name is replaced.
        pictures: as `Pictures.picture` gives them.
        pixels: False leaves the pixels out: what remains says which pictures are bad.
    """
    partial = path.with_name(f".{path.name}-{uuid.uuid4().hex}{PARTIAL}")
    index, bad, end = [], {}, 0
    try:
        with open(partial, "wb") as file:
            for position, picture in enumerate(pictures):
                if isinstance(picture, Bad):
                    bad[position] = (picture.reason, picture.stamp)
                    index.append((end, 0, 0))
                    continue
                index.append((end, *picture.shape[1:]))
                if pixels:
                    end += file.write(picture.permute(1, 2, 0).contiguous().numpy().data)
            notes = json.dumps(bad).encode()
            file.write(np.array(index, _INDEX).tobytes() + notes + _FOOTER.pack(end, len(index), len(notes), _MAGIC))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def open_shard(path: Path) -> Shard | None:
    """Returns a finished shard, or None where there is none, or one that a power cut tore."""
    try:
        with pa.memory_map(str(path)) as file:  # the map lives as long as its arrays
            memory = np.frombuffer(file.read_buffer(), np.uint8)
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    try:
        return _parse(memory)
    except (struct.error, ValueError, KeyError):
        return None


def _parse(memory: NDArray[np.uint8]) -> Shard:
    end, count, notes_size, magic = _FOOTER.unpack(memory[-_FOOTER.size :].tobytes())
    notes = end + 3 * _INDEX.itemsize * count
    if magic != _MAGIC or notes + notes_size + _FOOTER.size != len(memory):
        raise ValueError("not a shard")
    bad = json.loads(memory[notes : notes + notes_size].tobytes())
    return Shard(
        pixels=memory[:end],
        # A copy: the pixels before it need not end where a number may begin.
        index_N3=np.frombuffer(memory[end:notes].tobytes(), _INDEX).reshape(-1, 3),
        bad={int(position): Bad(reason, stamp) for position, (reason, stamp) in bad.items()},
    )
