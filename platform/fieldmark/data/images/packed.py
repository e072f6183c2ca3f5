"""The pictures of a part as training reads them: from a packed image set, or from their files each time."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldmark.data.images.bad import BadImage
from fieldmark.data.images.pack import Layout, make, pictures_a_shard
from fieldmark.data.images.shards import Shard
from fieldmark.data.images.sources import Pictures
from fieldmark.data.observations import Indices
from fieldmark.errors import UserError
from fieldmark.machine import cores

if TYPE_CHECKING:
    from torch import Tensor


def cache_folder(cache: Path | None) -> Path:
    """Returns where this machine keeps packed images.

    That is the folder given, else `$FIELDMARK_CACHE`, else `$XDG_CACHE_HOME/fieldmark/images`, else
    `~/.cache/fieldmark/images`.
    """
    if cache is not None:
        return cache
    if named := os.environ.get("FIELDMARK_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fieldmark" / "images"


@dataclass(eq=False)
class Pack:
    """A data set's pictures at one size.

    A pickled pack is its recipe: where it is unpickled it is opened when first read, and made if that machine lacks it.
    """

    pictures: Pictures
    size: int | None
    key: str
    """Of all that decides about the pixels."""
    cache: Path | None = None
    """None: wherever the machine keeps its cache."""
    pixels: bool = True
    """False: pictures are made anew each time, with the same pixels, and only what is bad is remembered."""
    _shards: list[Shard] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_shards": None}

    @property
    def layout(self) -> Layout:
        """The files of this pack on this machine."""
        size = "whole" if self.size is None else f"{self.size}px"
        folder = cache_folder(self.cache) / f"{size}-{self.key}"
        return Layout(folder=folder, pictures=self.pictures, size=self.size, pixels=self.pixels)

    def open(self, processes: int, say: Callable[[str], None]) -> list[Shard]:
        """Makes what is missing and returns the shards; see `make`."""
        self._shards = make(self.layout, processes=processes, say=say)
        return self._shards

    def bad(self, processes: int, say: Callable[[str], None]) -> dict[int, str]:
        """Returns the positions of all bad pictures, ascending, and what is wrong with each."""
        if self.pictures.exact and not self.pixels:
            return {}
        shards = self.open(processes, say)
        first = [self.layout.positions(number).start for number in range(len(shards))]
        return {
            start + at: bad.reason for start, shard in zip(first, shards, strict=True) for at, bad in shard.bad.items()
        }

    def image(self, position: int) -> "Tensor":
        """Returns the picture of a record; `BadImage` if it is one."""
        if not self.pixels:
            return self.pictures.picture(position)
        shards = self._shards or self.open(cores(), _tell)
        shard, at = divmod(position, pictures_a_shard(self.size))
        return shards[shard].image(at)


@dataclass(frozen=True, eq=False, slots=True)
class PartImages:
    """The good pictures of one part, as `fieldmark.data.images.experiment.Images`."""

    pack: Pack
    positions: Indices
    """In the data set, for each picture of the part."""

    def __len__(self) -> int:
        return len(self.positions)

    def image(self, position: int) -> "Tensor":
        """Returns uint8 (3, H, W), a tensor of its own.

        Raises:
            UserError: if the picture, which was good when the data set was looked through, is bad here and now.
        """
        record = int(self.positions[position])
        try:
            return self.pack.image(record)
        except BadImage as error:
            name = self.pack.pictures.name(record)
            raise UserError(f"{name}: {error.reason}; it could be read when the run was prepared") from None


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
