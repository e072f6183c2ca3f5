"""Where the pictures of a data set come from, one by one, at the size they are packed at."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
import pyarrow as pa

from fieldmark.data.image_files import ImageFiles
from fieldmark.data.images.bad import MISSING, UNREADABLE, BadImage
from fieldmark.data.images.decode import decode
from fieldmark.data.observations import ImageSource, Observations
from fieldmark.data.select import SelectedImages

if TYPE_CHECKING:
    from torch import Tensor

LONGEST = 3
"""Longest side over the shortest: of a panorama only the middle is kept, so that one cannot fill a shard."""

_GONE, _SHUT = -1, -2


class Pictures(Protocol):
    """The pictures of N records; picklable."""

    @property
    def exact(self) -> bool:
        """Whether they are drawn at just the size that is asked for: none can be bad, and none may be resized."""
        ...

    def __len__(self) -> int: ...

    def name(self, position: int) -> str:
        """Returns what a person finds the picture by."""
        ...

    def picture(self, position: int) -> "Tensor":
        """Returns uint8 (3, H, W), RGB, ordered by row, column, colour in memory; `BadImage` if it cannot be used."""
        ...

    def stamp(self, position: int) -> int:
        """Returns a number that changes when a bad picture may have been mended."""
        ...


@dataclass(frozen=True, slots=True)
class FilePictures:
    """Pictures in a folder, their shorter side at most `size`; None: as they are."""

    root: str
    paths: pa.StringArray
    size: int | None
    exact: ClassVar[bool] = False

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, position: int) -> str:
        """Returns the path with the folder's."""
        return os.path.join(self.root, self.paths[position].as_py())

    def picture(self, position: int) -> "Tensor":
        """Reads and decodes the file anew."""
        whole = decode(self._read(position))
        return whole if self.size is None else shrink(whole, self.size)

    def stamp(self, position: int) -> int:
        """Returns when the file was last changed, renamed or allowed to be read, in nanoseconds."""
        try:
            with open(self.name(position), "rb") as file:
                file.read(1)
                return os.fstat(file.fileno()).st_ctime_ns
        except (FileNotFoundError, NotADirectoryError):
            return _GONE
        except OSError:
            return _SHUT

    def _read(self, position: int) -> bytes:
        try:
            with open(self.name(position), "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            raise BadImage(MISSING) from None
        except OSError:
            raise BadImage(UNREADABLE) from None


@dataclass(frozen=True, slots=True)
class DrawnPictures:
    """Pictures that are drawn, squares of side `size`."""

    images: ImageSource
    count: int
    size: int
    exact: ClassVar[bool] = True

    def __len__(self) -> int:
        return self.count

    def name(self, position: int) -> str:
        """Returns the record's position."""
        return f"picture {position}"

    def picture(self, position: int) -> "Tensor":
        """Draws the picture anew."""
        import torch

        drawn = self.images.pixels(np.array([position]), self.size)[0]
        return torch.from_numpy(drawn).permute(2, 0, 1)

    def stamp(self, position: int) -> int:
        """Returns 0: what is drawn never changes."""
        return 0


def file_root(observations: Observations) -> str | None:
    """Returns the folder that the pictures are files in, or None where they are drawn (the world's)."""
    source = observations.images
    while isinstance(source, SelectedImages):
        source = source.source
    return source.root if isinstance(source, ImageFiles) else None


def pictures_of(observations: Observations, *, resolution: int, side: int | None) -> Pictures:
    """Returns the pictures of all records: drawn at the resolution, or read from files.

    Of files the shorter side is at most `side` pixels; None leaves them as they are.
    """
    assert observations.images is not None
    root = file_root(observations)
    if root is None:
        return DrawnPictures(observations.images, len(observations), resolution)
    assert observations.image_path is not None, "files have paths"
    return FilePictures(root, observations.image_path, side)


def shrink(picture: "Tensor", size: int) -> "Tensor":
    """Returns the picture with its shorter side at most `size` pixels (bilinear, antialiased), at most 3 to 1."""
    from torchvision.transforms.v2.functional import center_crop, resize

    height, width = picture.shape[-2:]
    limit = LONGEST * min(height, width)
    if max(height, width) > limit:
        picture = center_crop(picture, [min(height, limit), min(width, limit)])
    if min(height, width) > size:
        picture = resize(picture, [size], antialias=True)
    return picture.permute(1, 2, 0).contiguous().permute(2, 0, 1)
