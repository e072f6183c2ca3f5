"""Making a packed image set: shard by shard, in any order, by as many makers as happen to be at it."""

import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fieldmark.data.images.bad import BadImage
from fieldmark.data.images.maker import only_maker
from fieldmark.data.images.pace import Pace
from fieldmark.data.images.shards import PARTIAL, Bad, Shard, open_shard, write_shard
from fieldmark.data.images.sources import Pictures
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

SHARD_BYTES = 64 * 2**20
"""About the size of a shard: small enough that all cores have work, and that a kill costs seconds."""

Say = Callable[[str], None]

_LARGE = 512  # of pictures that are only looked at, as they are
_ABANDONED_S = 3600.0  # a partial file that nobody wrote to for so long
FEW = 8
"""Missing shards up to which a second maker waits: of more, two makers would rarely want the same."""
_SAMPLE = 32  # pictures from whose sizes the space is estimated


def pictures_a_shard(size: int | None) -> int:
    """Returns how many pictures are in a shard, the last one excepted: a function of the size, so that makers agree."""
    return max(1, SHARD_BYTES // (4 * (size or _LARGE) ** 2))  # three bytes a pixel, sides of 3 to 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which shards there are; picklable."""

    folder: Path
    pictures: Pictures
    size: int | None
    pixels: bool = True
    """False: only what is bad is written down."""

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-len(self.pictures) // pictures_a_shard(self.size))

    def path(self, shard: int) -> Path:
        """Returns the file of a shard."""
        return self.folder / f"{shard:06d}.{'pack' if self.pixels else 'check'}"

    def positions(self, shard: int) -> range:
        """Returns which pictures are in it."""
        first = shard * pictures_a_shard(self.size)
        return range(first, min(first + pictures_a_shard(self.size), len(self.pictures)))


def make(layout: Layout, *, processes: int, say: Say) -> list[Shard]:
    """Returns the finished shards; those that are missing, torn or out of date are made first.

    A shard is out of date when the file of one of its bad pictures has changed since. Killed at any moment, what was
    finished stays. Two makers at once take many shards in different orders, and leave each other's alone;
    of few shards there is one maker at a time.

    Args:
        layout: what to make, and where.
        processes: cores to use. They are threads: decoding and resizing hold no lock of Python's.
        say: told how it goes.

    Raises:
        UserError: if the folder cannot be written or there is too little space.
    """
    try:
        found = _made(layout)
        if missing := layout.shards - len(found):
            layout.folder.mkdir(parents=True, exist_ok=True)
            with only_maker(layout.folder) if missing <= FEW else nullcontext():
                found = _made(layout)
                _make_missing(layout, found, processes, say)
    except OSError as error:
        raise UserError(f"{layout.folder}: cannot keep pictures there ({error.strerror}); see --cache") from error
    return [found[shard] for shard in range(layout.shards)]


def _made(layout: Layout) -> dict[int, Shard]:
    return {shard: opened for shard in range(layout.shards) if (opened := _current(layout, shard))}


def _current(layout: Layout, shard: int) -> Shard | None:
    opened = open_shard(layout.path(shard))
    if opened is None or len(opened.index_N3) != len(layout.positions(shard)):
        return None
    first = layout.positions(shard).start
    changed = any(layout.pictures.stamp(first + position) != bad.stamp for position, bad in opened.bad.items())
    return None if changed else opened


def _make_missing(layout: Layout, found: dict[int, Shard], processes: int, say: Say) -> None:
    """Makes the shards that are not found, and adds them."""
    import torch

    missing = [shard for shard in range(layout.shards) if shard not in found]
    if not missing:
        return
    _remove_abandoned(layout.folder)
    _require_space(layout, missing)
    pace = Pace("packing" if layout.pixels else "checking", sum(len(layout.positions(shard)) for shard in missing), say)
    stop = threading.Event()
    threads = torch.get_num_threads()
    # A core for every thread; torch's setting reaches threads that are started later, too, and so is put back.
    with ThreadPoolExecutor(processes, "pack", initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            # The order is this maker's own, so that two makers rarely want the same shard.
            order = random.Random(os.urandom(8)).sample(missing, len(missing))
            futures = {shard: pool.submit(_make_one, layout, shard, pace, stop) for shard in order}
            done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:  # an interruption must not wait for whole shards
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            torch.set_num_threads(threads)
    pace.finish()
    found |= {shard: future.result() for shard, future in futures.items()}


def _make_one(layout: Layout, shard: int, pace: Pace, stop: threading.Event) -> Shard:
    opened = _current(layout, shard)
    if opened is not None:  # another maker was quicker
        pace.skip(len(layout.positions(shard)))
        return opened
    write_shard(layout.path(shard), _look(layout, shard, pace, stop), pixels=layout.pixels)
    opened = open_shard(layout.path(shard))
    assert opened is not None, "just written"
    return opened


def _look(layout: Layout, shard: int, pace: Pace, stop: threading.Event) -> Iterator["Tensor | Bad"]:
    for position in layout.positions(shard):
        if stop.is_set():
            raise _Stopped
        yield _picture(layout.pictures, position)
        pace.step()


def _picture(pictures: Pictures, position: int) -> "Tensor | Bad":
    try:
        return pictures.picture(position)
    except BadImage:
        # Looked at twice, so that the stamp is older than what is held against the picture.
        stamp = pictures.stamp(position)
    try:
        return pictures.picture(position)
    except BadImage as error:
        return Bad(error.reason, stamp)


class _Stopped(Exception):
    """This thread's shard is not wanted any more."""


def _remove_abandoned(folder: Path) -> None:
    """Removes what killed makers left; another's that is being written is younger than that."""
    for partial in folder.glob(f".*{PARTIAL}"):
        with suppress(FileNotFoundError):
            if time.time() - partial.stat().st_mtime > _ABANDONED_S:
                partial.unlink()


def _require_space(layout: Layout, missing: list[int]) -> None:
    """Refuses to start what cannot end; a few pictures tell how large all are.

    Raises:
        UserError: with the bytes needed and free.
    """
    if not layout.pixels:
        return
    wanted = [position for shard in missing for position in layout.positions(shard)]
    sample = [_picture(layout.pictures, position) for position in wanted[:: -(-len(wanted) // _SAMPLE)]]
    sizes = [0 if isinstance(picture, Bad) else picture.numel() for picture in sample]
    needed = sum(sizes) * len(wanted) // len(sample)
    free = shutil.disk_usage(layout.folder).free
    if needed > free:
        raise UserError(
            f"{layout.folder}: packing {len(wanted):,} pictures needs about {needed:,} bytes, and {free:,} are free "
            "there; choose another folder with --cache"
        )
