"""Pictures in a folder, decoded when they are asked for."""

import os
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.observations import Indices

_GREY = 128


def find_files(root: str, wanted: set[str]) -> dict[str, int]:
    """Returns which of these paths (relative to the root, with `/`) are files, with their sizes in bytes."""
    folders: set[str] = set()
    for path in wanted:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return {path: size for path, size in _walk(root, "", folders) if path in wanted}


def _walk(folder: str, prefix: str, folders: set[str]) -> Iterator[tuple[str, int]]:
    """Yields the files below, going into these folders only: a loop of links would have no end."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            if f"{prefix}{entry.name}" in folders:
                yield from _walk(entry.path, f"{prefix}{entry.name}/", folders)
        elif entry.is_file():
            yield f"{prefix}{entry.name}", entry.stat().st_size


class ImageFiles:
    """An `ImageSource` over files: shorter side to the resolution, then the central square."""

    def __init__(self, root: str, paths: Sequence[str]) -> None:
        """Takes the folder and a path relative to it for each record."""
        self.root = root
        self._paths = paths
        self.broken: set[int] = set()
        """Records whose picture could not be decoded; they are shown grey."""

    def pixels(self, indices: Indices, resolution: int) -> NDArray[np.uint8]:
        """Returns images as uint8 of shape (n, resolution, resolution, 3), RGB."""
        images = np.full((len(indices), resolution, resolution, 3), _GREY, np.uint8)
        for position, index in enumerate(indices.tolist()):
            decoded = self._decode(index, resolution)
            if decoded is not None:
                images[position] = decoded
        return images

    def _decode(self, index: int, resolution: int) -> NDArray[np.uint8] | None:
        from torchvision.transforms.v2.functional import center_crop, resize

        from fieldmark.data.images.bad import BadImage
        from fieldmark.data.images.decode import decode

        try:
            with open(os.path.join(self.root, self._paths[index]), "rb") as file:
                image = decode(file.read())
        except (OSError, BadImage):
            self.broken.add(index)
            return None
        square = center_crop(resize(image, [resolution], antialias=True), [resolution, resolution])
        pixels: NDArray[np.uint8] = square.permute(1, 2, 0).numpy()
        return pixels
