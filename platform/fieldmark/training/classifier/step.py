"""One step: the groups of a global batch go through the network one by one, then the weights move once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.data.observations import Indices
from fieldmark.models.classifier import Classifier
from fieldmark.training.classifier.batch_norm import RunningStatistics
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.gradients import Gradients
from fieldmark.training.classifier.mixup import draw_mix, mix, unmixed
from fieldmark.training.classifier.optimiser import build_optimiser, set_rate
from fieldmark.training.classifier.order import Order
from fieldmark.training.classifier.pairwise import PairwiseSum
from fieldmark.training.classifier.pictures import to_device
from fieldmark.training.classifier.precision import Precision
from fieldmark.training.classifier.randomness import FORWARD, seed_of
from fieldmark.training.classifier.records import Records
from fieldmark.training.classifier.schedule import learning_rate
from fieldmark.training.classifier.smoothing import Targets, smoothed_loss


class Batch(NamedTuple):
    """One batch-norm group, ready for the network."""

    image_B3HW: Tensor
    encoded_BM: Tensor
    place_B2: Tensor
    targets: Targets


class Stepper:
    """Trains a model step by step; its numbers do not depend on the number of workers (SCIENCE rule 17).

    Attributes:
        rate: the learning rate of the last step.
    """

    def __init__(
        self, config: ClassifierConfig, model: Classifier, records: Records, order: Order, execution: Execution
    ) -> None:
        """Takes a model that is in training mode and on its device; the optimiser is new."""
        self._config = config
        self._records = records
        self._order = order
        self._execution = execution
        self._precision = Precision(config, execution.device)
        self._network: nn.Module = model
        if order.workers.size > 1:
            self._network = DistributedDataParallel(model, forward_sync_buffers=False)
        self._gradients = Gradients(self._network, order.workers)
        self._parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimiser = build_optimiser(config, model)
        self.scaler = self._precision.scaler()
        self.rate = 0.0

    def step(
        self,
        epoch: int,
        step: int,
        records: Iterator[Indices],
        pictures: Iterator[Tensor],
        statistics: RunningStatistics,
        flag: bool,
    ) -> tuple[Tensor, Tensor]:
        """Makes one step and moves the running statistics.

        Args:
            epoch: finished epochs.
            step: finished steps of this epoch.
            records: gives the records of this worker's next units.
            pictures: gives their pictures.
            statistics: of the model's batch norms.
            flag: something to tell the other workers.

        Returns:
            The mean loss over the global batch, and on how many workers the flag was set; scalars on the device, so
            that nobody waits for it.
        """
        number = epoch * self._order.steps + step
        groups = self._order.share // self._config.bn_batch
        first = self._order.workers.rank * groups
        all_groups = groups * self._order.workers.size
        before, told = PairwiseSum(), torch.zeros(0)
        for group, batch in enumerate(self._batches(number, records, pictures)):
            last = group == groups - 1
            with self._gradients_stay_here(not last):
                torch.manual_seed(seed_of(FORWARD, self._order.seed, number, first + group))
                loss = self._loss(batch)
                self.scaler.scale(loss / all_groups).backward()  # type: ignore[no-untyped-call]
            told = torch.cat([statistics.of_group(loss), loss.detach()[None], loss.new_full((1,), flag and last)])
            if not last:
                self._gradients.keep()
                before.add([told])
        self._gradients.finish()
        self._descend(learning_rate(self._config, epoch, step, self._order.steps))
        before.add_to([told])
        self._order.workers.sum(told)
        statistics.update(told[:-2] / all_groups)
        return told[-2] / all_groups, told[-1]

    def _batches(self, number: int, records: Iterator[Indices], pictures: Iterator[Tensor]) -> Iterator[Batch]:
        """Yields this worker's batch-norm groups of a step, mixed."""
        size, order = self._config.bn_batch, self._order
        for unit in range(order.share // order.unit):
            encoded_UM, place_U2, category_U = self._records.at(next(records))
            image_U3HW = to_device(next(pictures), self._precision.dtype, self._config.normalisation, self._execution)
            first = (order.workers.rank * order.share + unit * order.unit) // self._config.mixup_group
            targets = self._mixed(number, first, image_U3HW, encoded_UM, category_U)
            for start in range(0, order.unit, size):
                rows = slice(start, start + size)
                yield Batch(
                    image_U3HW[rows], encoded_UM[rows], place_U2[rows], Targets(*(one[rows] for one in targets))
                )

    def _mixed(self, number: int, first: int, image_U3HW: Tensor, encoded_UM: Tensor, category_U: Tensor) -> Targets:
        """Mixes a unit in place, group by group; `first` is the index of its first group in the global batch."""
        config, found = self._config, []
        for group, start in enumerate(range(0, len(category_U), config.mixup_group)):
            rows = slice(start, start + config.mixup_group)
            how = draw_mix(config, config.resolution, self._order.seed, number, first + group)
            if how is None:
                return unmixed(category_U, image_U3HW.dtype)
            found.append(mix(image_U3HW[rows], encoded_UM[rows], category_U[rows], how))
        return Targets(*(torch.cat(parts) for parts in zip(*found, strict=True)))

    def _loss(self, batch: Batch) -> Tensor:
        with self._precision.forward():
            logits_BC = self._network(batch.image_B3HW, batch.encoded_BM, batch.place_B2)
        return smoothed_loss(
            self._precision.of_loss(logits_BC),
            batch.targets,
            self._config.label_smoothing,
            self._config.smoothing_over,
        )

    def _gradients_stay_here(self, stay: bool) -> AbstractContextManager[object]:
        """Workers exchange gradients once a step, in the last group's backward pass."""
        if stay and isinstance(self._network, DistributedDataParallel):
            context: AbstractContextManager[object] = self._network.no_sync()
            return context
        return nullcontext()

    def _descend(self, rate: float) -> None:
        self.rate = rate
        set_rate(self.optimiser, rate)
        if self._config.clip_norm is not None:
            self.scaler.unscale_(self.optimiser)
            torch.nn.utils.clip_grad_norm_(self._parameters, self._config.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()
