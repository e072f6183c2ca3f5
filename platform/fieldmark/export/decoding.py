"""Pictures from files as a model is shown them, decoded in threads ahead of the model."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from fieldmark.data.images.bad import BadImage
from fieldmark.data.images.decode import decode
from fieldmark.data.images.sources import shrink
from fieldmark.data.images.transforms import evaluation_transform
from fieldmark.export.inputs import Inputs

Found = Tensor | str
"""A picture, uint8 (3, R, R), or why there is none."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pictures in memory, as `fieldmark.data.images.experiment.Images`."""

    pictures: Sequence[Tensor]

    def __len__(self) -> int:
        return len(self.pictures)

    def image(self, position: int) -> Tensor:
        """Returns a picture, uint8 (3, R, R)."""
        return self.pictures[position]


class Decoder:
    """Reads, resizes and crops pictures."""

    def __init__(self, inputs: Inputs, *, resolution: int, side: int | None, center_share: float) -> None:
        """Takes the rows, the size R, and the shorter side that pictures were shrunk to for training, if any."""
        self._inputs = inputs
        self._side = side
        self._show = evaluation_transform(resolution, center_share, exact=False)

    def chunks(self, pool: ThreadPoolExecutor, size: int) -> Iterator[tuple[range, list[Found]]]:
        """Yields `size` rows at a time, in order; while a chunk is used the next is decoded, and no more."""
        waiting: list[tuple[range, list[Future[Found]]]] = []
        for start in range(0, len(self._inputs), size):
            rows = range(start, min(start + size, len(self._inputs)))
            waiting.append((rows, [pool.submit(self.one, row) for row in rows]))
            if len(waiting) > 1:
                yield _finished(*waiting.pop(0))
        for rows, futures in waiting:
            yield _finished(rows, futures)

    def one(self, row: int) -> Found:
        """Returns a row's picture, or why there is none."""
        path = self._inputs.paths[row]
        if path is None:
            return self._inputs.problems[row]
        try:
            data = Path(path).read_bytes()
        except (FileNotFoundError, ValueError):  # a ValueError: no file can have that name
            return "no such image file"
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        try:
            picture = decode(data)
            return self._show(picture if self._side is None else shrink(picture, self._side))
        except BadImage as error:
            return str(error)


def _finished(rows: range, futures: Sequence[Future[Found]]) -> tuple[range, list[Found]]:
    return rows, [future.result() for future in futures]
