"""What the training of a classifier gets: the arrays of every part, and the pictures that belong to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fieldmark.data.experiment import Part
from fieldmark.data.observations import Split

if TYPE_CHECKING:
    from torch import Tensor


class Images(Protocol):
    """The decoded pictures of one part, by position; cheap to pickle (they are opened anew in another process)."""

    def __len__(self) -> int: ...

    def image(self, position: int) -> "Tensor":
        """Returns one picture as uint8 (3, H, W), RGB, of any size that is at least as large as it was asked for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageExperiment:
    """Every part with its pictures; bad pictures have been left out, and reported, before."""

    categories: tuple[str, ...]
    parts: Mapping[Split, Part]
    images: Mapping[Split, Images]
    """The picture at position i of `images[split]` is that of record i of `parts[split]`."""
    exact: bool = False
    """Whether the pictures already have the training resolution (the world's, whose bound holds for one resolution)."""
