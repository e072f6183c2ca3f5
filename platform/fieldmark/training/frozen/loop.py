"""Epochs of steps over features that lie in memory."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fieldmark.config.classifier import FrozenConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import Split
from fieldmark.models.fusions import Fusion, Metadata
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.mixup import unmixed
from fieldmark.training.classifier.optimiser import build_optimiser, set_rate
from fieldmark.training.classifier.order import Order
from fieldmark.training.classifier.pace import Pace
from fieldmark.training.classifier.precision import Precision
from fieldmark.training.classifier.randomness import FORWARD, seed_of
from fieldmark.training.classifier.records import Records
from fieldmark.training.classifier.schedule import learning_rate
from fieldmark.training.classifier.smoothing import smoothed_loss
from fieldmark.training.classifier.state import Progress, restore, state_of
from fieldmark.training.classifier.telling import Teller
from fieldmark.training.frozen.features import Features
from fieldmark.training.frozen.predict import FeatureScores
from fieldmark.training.interfaces import Checkpoints, Report


class FeatureLoop:
    """Trains one fusion.

    Attributes:
        optimiser: moves the fusion's weights.
        scaler: of the loss, in float16.
    """

    def __init__(
        self,
        config: FrozenConfig,
        data: ImageExperiment,
        features: Features,
        fusion: Fusion,
        scores: FeatureScores,
        order: Order,
        execution: Execution,
    ) -> None:
        """Takes a fusion on its device; a whole batch is one unit of the order."""
        self._config, self._fusion, self._scores, self._order = config, fusion, scores, order
        self._execution = execution
        self._precision = Precision(config, execution.device)
        self._views = [torch.from_numpy(view_NF) for view_NF in features.views]
        train = data.parts[Split.TRAIN]
        self._records = Records.of(train, config.classifier, self._precision.dtype, execution.device)
        self.optimiser = build_optimiser(config, fusion, fused=True)
        self.scaler = self._precision.scaler()
        self._parameters = [parameter for parameter in fusion.parameters() if parameter.requires_grad]
        self._progress = Progress(torch.zeros((), dtype=torch.float64, device=execution.device))
        self._pace = Pace()
        self._teller = Teller(config.epochs, order, execution)

    def run(self, report: Report, checkpoints: Checkpoints | None) -> None:
        """Trains from the last checkpoint, or from the beginning, to the last epoch or until the report says stop.

        Raises:
            FloatingPointError: the loss stops being a number.
        """
        state = None if checkpoints is None else checkpoints.load()
        if state is not None:
            self._fusion.load_state_dict(state["model"])
            restore(state, self._progress, self)
        goes_on = True
        while goes_on and self._progress.epoch < self._config.epochs:
            metrics = self._epoch(checkpoints)
            self._progress.next_epoch()
            goes_on = report(self._progress.epoch, metrics)
            if goes_on:  # a stop is final: a checkpoint after it would lead past it
                self._save_if_due(checkpoints)
            if self._execution.on_epoch is not None:
                self._execution.on_epoch(self._progress.epoch, metrics)

    def _epoch(self, checkpoints: Checkpoints | None) -> Mapping[str, float]:
        """Finishes the epoch that runs and returns its metrics."""
        progress, order = self._progress, self._order
        self._fusion.train()
        view_NF = self._views[progress.epoch % len(self._views)].to(self._execution.device)
        before, rate = (self._pace.images, self._pace.seconds), 0.0
        self._pace.begin()
        for record_B in order.records(progress.epoch, progress.step):
            rate = learning_rate(self._config, progress.epoch, progress.step, order.steps)
            progress.loss_sum += self._step(view_NF, torch.from_numpy(record_B).to(view_NF.device), rate)
            progress.step += 1
            self._pace.add(order.batch)
            self._teller.tell(progress, self._pace)
            if progress.step < order.steps:
                self._save_if_due(checkpoints)
        loss = progress.finite_loss()
        on_tune = self._scores.metrics(Split.TUNE)
        speed = (self._pace.images - before[0]) / max(self._pace.seconds - before[1], 1e-9)
        kept: dict[str, float] = {name: on_tune[name] for name in ("top1", "log_loss") if name in on_tune}
        return {"loss": loss, "lr": rate, "images_per_second": speed} | kept

    def _step(self, view_NF: Tensor, record_B: Tensor, rate: float) -> Tensor:
        """Makes one step; returns its loss, a scalar on the device, so that nobody waits for it."""
        config, known = self._config, self._records
        feature_BF = view_NF[record_B].to(self._precision.dtype)
        metadata = Metadata(encoded_BM=known.encoded_NM[record_B], place_B2=known.place_N2[record_B])
        number = self._progress.epoch * self._order.steps + self._progress.step
        torch.manual_seed(seed_of(FORWARD, self._order.seed, number, 0))
        with self._precision.forward():
            logits_BC = self._precision.of_loss(self._fusion(feature_BF, metadata))
        targets = unmixed(known.category_N[record_B], logits_BC.dtype)
        loss = smoothed_loss(logits_BC, targets, config.label_smoothing, config.smoothing_over)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        set_rate(self.optimiser, rate)
        if config.clip_norm is not None:
            self.scaler.unscale_(self.optimiser)
            torch.nn.utils.clip_grad_norm_(self._parameters, config.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad()
        return loss.detach()

    def _save_if_due(self, checkpoints: Checkpoints | None) -> None:
        """Saves the fusion alone: the backbone stays as it is, and an epoch is over before a large file is written."""
        if checkpoints is not None and checkpoints.due():
            self._progress.finite_loss()
            checkpoints.save(state_of(self._progress, self._fusion, self))
