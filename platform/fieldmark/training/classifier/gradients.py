"""A step's gradient: the sum over the groups of the global batch, the same on any number of workers."""

import torch
from torch import Tensor, distributed, nn
from torch._C._distributed_c10d import GradBucket  # `torch.distributed.GradBucket`, by the name that has a type
from torch.nn.parallel import DistributedDataParallel

from fieldmark.training.classifier.pairwise import PairwiseSum
from fieldmark.training.classifier.workers import Workers


class Gradients:
    """Sums the groups' gradients of a network's trainable parameters.

    On several workers the sum over them is made by DistributedDataParallel's communication hook, bucket by bucket,
    while the last group's backward pass still runs.
    """

    def __init__(self, network: nn.Module, workers: Workers) -> None:
        """Takes the network as it is called: plain, or wrapped for several workers."""
        self._parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._position = {id(parameter): position for position, parameter in enumerate(self._parameters)}
        self._before = PairwiseSum()
        self._workers = workers
        self._exchanged = isinstance(network, DistributedDataParallel)
        if isinstance(network, DistributedDataParallel):
            network.register_comm_hook(self, _exchange)

    def keep(self) -> None:
        """Puts the gradients of a group aside that is not this worker's last of the step."""
        found = [parameter.grad for parameter in self._parameters]
        assert all(gradient is not None for gradient in found), "every parameter is used in every pass"
        self._before.add([gradient for gradient in found if gradient is not None])
        for parameter in self._parameters:
            parameter.grad = None

    def finish(self) -> None:
        """Leaves the sum over all groups in the parameters' `grad`, after the last group's backward pass."""
        if not self._exchanged:
            self._before.add_to([parameter.grad for parameter in self._parameters if parameter.grad is not None])
        self._before.clear()

    def joined(self, bucket: GradBucket) -> Tensor:
        """Returns a bucket of the last group's gradients with those of this worker's other groups added."""
        flat: Tensor = bucket.buffer()
        parameters = bucket.parameters()
        lengths = [parameter.numel() for parameter in parameters]
        # A gradient lies in the bucket as its parameter lies in memory, e.g. channels last; `bucket.gradients()` would
        # read it as if it were contiguous.
        views = [
            part.as_strided(parameter.shape, parameter.stride(), part.storage_offset())
            for part, parameter in zip(torch.split(flat, lengths), parameters, strict=True)
        ]
        self._before.add_to(views, [self._position[id(parameter)] for parameter in parameters])
        return flat

    def over_workers(self, own: Tensor) -> torch.futures.Future[Tensor]:
        """Begins the sum of a bucket over all workers."""
        *before, last = self._workers.pairs
        for group in before:
            distributed.all_reduce(own, group=group)
        done = distributed.all_reduce(own, group=last, async_op=True)
        assert done is not None
        return done.get_future().then(lambda future: future.value()[0])


def _exchange(gradients: Gradients, bucket: GradBucket) -> torch.futures.Future[Tensor]:
    return gradients.over_workers(gradients.joined(bucket))
