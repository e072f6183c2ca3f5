"""Batches of prepared pictures, in the order of a plan, made in this process or by several others."""

import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fieldmark.data.images.experiment import Images
from fieldmark.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Plan = Iterable[Sequence[tuple[int, int]]]
"""For each batch, its pictures: position and seed."""


class PictureError(RuntimeError):
    """A picture that could not be prepared, by its position; a note has the traceback."""


class Transform(Protocol):
    """Makes a picture what the network gets."""

    def __call__(self, image: "Tensor", seed: int) -> "Tensor":
        """Takes uint8 (3, H, W) and a seed, returns uint8 (3, R, R)."""
        ...


def batches(
    images: Images, plan: Plan, transform: Transform, *, processes: int = 0, pin: bool = False
) -> Iterator["Tensor"]:
    """Yields uint8 (b, 3, R, R), channels-last in memory, for each batch of the plan, in its order.

    What is yielded does not depend on the number of processes. They live until the plan is done or the iterator is
    closed, and each uses one thread.

    Args:
        images: The pictures.
        plan: Positions and seeds of each batch.
        transform: See `training_transform`, `evaluation_transform`.
        processes: Processes that prepare pictures; 0: this one, when a batch is asked for.
        pin: Whether batches are put into page-locked memory, for a device that copies from it (CUDA).

    Raises:
        UserError: as `images` raises it.
        PictureError: for anything else that goes wrong with a picture.
    """
    prepared = _Prepared(images, transform)
    found = _from_processes(prepared, plan, processes, pin) if processes else map(prepared.__getitems__, plan)
    for batch in found:
        if isinstance(batch, Exception):
            raise batch
        yield batch.pin_memory() if pin and not processes else batch


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What torch calls a map-style data set; its keys are positions with seeds."""

    images: Images
    transform: Transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, batch: Sequence[tuple[int, int]]) -> "Tensor | Exception":
        """Returns one batch, or what went wrong: torch would wrap a worker's exception in a page of text."""
        try:
            return self._batch(batch)
        except (UserError, PictureError) as error:
            return error

    def _batch(self, batch: Sequence[tuple[int, int]]) -> "Tensor":
        first = self._one(*batch[0])
        batch_BRR3 = first.new_empty((len(batch), *first.shape[-2:], 3))
        for place, (position, seed) in enumerate(batch):
            image = self._one(position, seed) if place else first
            batch_BRR3[place] = image.permute(1, 2, 0)
        return batch_BRR3.permute(0, 3, 1, 2)

    def _one(self, position: int, seed: int) -> "Tensor":
        try:
            return self.transform(self.images.image(position), seed)
        except UserError:
            raise
        except Exception as error:
            failure = PictureError(f"picture {position}: {type(error).__name__}: {error}")
            failure.add_note(traceback.format_exc())  # it reaches the other process, a cause would not
            raise failure from None


def _from_processes(prepared: _Prepared, plan: Plan, processes: int, pin: bool) -> "Iterable[Tensor | Exception]":
    import torch
    from torch.utils.data import DataLoader

    return DataLoader(
        prepared,  # type: ignore[arg-type]  # what it needs of a Dataset is the two methods
        batch_sampler=plan,  # type: ignore[arg-type]
        num_workers=processes,
        collate_fn=_as_it_is,  # type: ignore[arg-type]  # `__getitems__` has put the batch together
        pin_memory=pin,
        generator=torch.Generator(),  # else it would draw from the default one
    )


def _as_it_is(batch: "Tensor | Exception") -> "Tensor | Exception":
    return batch
