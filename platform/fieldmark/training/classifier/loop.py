"""The training loop: epochs of steps, with a report, and checkpoints from which it goes on as if never cut off."""

from collections.abc import Iterator

import torch
from torch import Tensor

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.images.loader import batches
from fieldmark.data.images.transforms import training_transform
from fieldmark.data.observations import Split
from fieldmark.models.classifier import Classifier
from fieldmark.training.classifier.batch_norm import RunningStatistics
from fieldmark.training.classifier.evaluate import score_part
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.order import Order
from fieldmark.training.classifier.pace import Pace
from fieldmark.training.classifier.precision import Precision
from fieldmark.training.classifier.records import Records
from fieldmark.training.classifier.start import train_mode
from fieldmark.training.classifier.state import Progress, restore, state_of
from fieldmark.training.classifier.step import Stepper
from fieldmark.training.classifier.telling import Teller
from fieldmark.training.interfaces import Checkpoints, Report


class Loop:
    """Trains one model; every worker runs one, and all take the same steps and decisions."""

    def __init__(
        self,
        config: ClassifierConfig,
        data: ImageExperiment,
        model: Classifier,
        order: Order,
        *,
        report: Report,
        checkpoints: Checkpoints | None,
        execution: Execution,
    ) -> None:
        """Takes a model on its device and goes on from the last checkpoint, if there is one."""
        state = None if checkpoints is None else checkpoints.load()
        if state is not None:
            model.load_state_dict(state["model"])
        train_mode(model)
        train = data.parts[Split.TRAIN]
        records = Records.of(train, config, Precision(config, execution.device).dtype, execution.device)
        self._config, self._data, self._model, self._order = config, data, model, order
        self._report, self._checkpoints, self._execution = report, checkpoints, execution
        self._workers = order.workers
        self._statistics = RunningStatistics(model)
        self._stepper = Stepper(config, model, records, order, execution)
        self._progress = Progress(torch.zeros((), dtype=torch.float64, device=execution.device))
        if state is not None:
            restore(state, self._progress, self._stepper)
        self._pace = Pace()
        self._teller = Teller(config.epochs, order, execution)
        self._due: Tensor | None = None

    def run(self) -> None:
        """Trains until the last epoch, or until the report says stop.

        Raises:
            FloatingPointError: the loss stops being a number.
        """
        goes_on = True
        while goes_on and self._progress.epoch < self._config.epochs:
            goes_on = self._epoch()
        self._statistics.publish(self._steps_done)
        self._statistics.release()

    def _epoch(self) -> bool:
        """Finishes the epoch that runs; returns whether to go on."""
        train_mode(self._model)
        before = self._pace.images, self._pace.seconds
        self._steps()
        metrics = {"loss": self._progress.finite_loss(), "lr": self._stepper.rate}
        metrics["images_per_second"] = (self._pace.images - before[0]) / max(self._pace.seconds - before[1], 1e-9)
        self._statistics.publish(self._steps_done)
        metrics |= self._on_tune()
        self._progress.next_epoch()
        goes_on = self._workers.on_first(lambda: self._report(self._progress.epoch, metrics))
        if goes_on:  # a stop is final: a checkpoint after it would lead past it
            self._save()
        if self._execution.on_epoch is not None:
            self._execution.on_epoch(self._progress.epoch, metrics)
        return goes_on

    def _steps(self) -> None:
        progress, order = self._progress, self._order
        records = order.records(progress.epoch, progress.step)
        pictures = self._pictures()
        self._pace.begin()
        while progress.step < order.steps:
            wants = self._checkpoints is not None and self._workers.is_first and self._checkpoints.due()
            loss, due = self._stepper.step(
                progress.epoch, progress.step, records, pictures, self._statistics, flag=wants
            )
            progress.loss_sum += loss
            progress.step += 1
            self._pace.add(order.batch)
            self._teller.tell(progress, self._pace)
            self._save_if(due)

    def _pictures(self) -> Iterator[Tensor]:
        transform = training_transform(self._config, self._config.resolution, self._data.exact)
        return batches(
            self._data.images[Split.TRAIN],
            self._order.plan(self._progress.epoch, self._progress.step),
            transform,
            processes=self._execution.loader_processes,
            pin=self._execution.pins,
        )

    def _save_if(self, due: Tensor) -> None:
        """Saves where it was due a step ago: no worker waits for the device to learn what worker 0 wants."""
        before, self._due = self._due, due
        if before is not None and before.item() and self._progress.step < self._order.steps:
            self._progress.finite_loss()
            self._save()
            self._pace.begin()

    def _save(self) -> None:
        """Saves on worker 0; where it is asked to stop, every worker raises what it raises."""
        self._due = None
        if self._checkpoints is not None:
            self._workers.on_first(self._save_here)

    def _save_here(self) -> None:
        assert self._checkpoints is not None
        self._statistics.publish(self._steps_done)
        self._checkpoints.save(state_of(self._progress, self._model, self._stepper))

    def _on_tune(self) -> dict[str, float]:
        found = score_part(self._model, self._config, self._data, Split.TUNE, self._workers, self._execution)
        return {name: found[name] for name in ("top1", "log_loss") if name in found}

    @property
    def _steps_done(self) -> int:
        return self._progress.epoch * self._order.steps + self._progress.step
