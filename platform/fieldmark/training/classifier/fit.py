"""Trains a classifier as its configuration says (Yang et al. 2022; SPEC section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import Split
from fieldmark.models.classifier import Classifier
from fieldmark.training.classifier.evaluate import evaluate_parts, frozen_accuracy
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.loop import Loop
from fieldmark.training.classifier.order import Order
from fieldmark.training.classifier.precision import Precision
from fieldmark.training.classifier.randomness import own_generators
from fieldmark.training.classifier.start import initial_model, trains
from fieldmark.training.classifier.workers import Workers
from fieldmark.training.evaluation import Evaluated
from fieldmark.training.interfaces import Checkpoints, Report

ALONE = Workers()
HERE = Execution()


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedClassifier:
    """A trained classifier."""

    model: Classifier
    """In evaluation mode, on the execution's device."""
    config: ClassifierConfig
    execution: Execution
    details: dict[str, float]
    """`frozen_train_top1` and `frozen_test_top1`, on worker 0, where the image-only model was frozen."""

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def evaluate(self, data: ImageExperiment, workers: Workers = ALONE) -> list[Evaluated]:
        """Returns the scores of tune and test on worker 0 and nothing elsewhere; every worker must call it.

        The score is called `joint`, or `image` where place and date change nothing.
        """
        return evaluate_parts(
            self.model,
            self.config,
            data,
            "joint" if self.model.fusion.looks_at_location else "image",
            details=self.details,
            workers=workers,
            execution=self.execution,
        )


def fit_classifier(
    config: ClassifierConfig,
    data: ImageExperiment,
    seed: int,
    *,
    report: Report,
    checkpoints: Checkpoints | None = None,
    workers: Workers = ALONE,
    execution: Execution = HERE,
    start: Mapping[str, Tensor] | None = None,
    weights_file: str | None = None,
) -> FittedClassifier:
    """Trains on the training part; every worker calls it with the same arguments but its own place.

    A fusion without anything to train is only told the training records.

    Args:
        config: the settings, as run.
        data: the parts; `tune`, where it has labelled records, is scored after every epoch.
        seed: decides all randomness; neither the number of workers nor an interruption changes the numbers.
        report: told `loss`, `lr`, `images_per_second` and tune's `top1` and `log_loss` after every epoch, on worker 0;
            its False stops the training.
        checkpoints: where worker 0 keeps the state, after every epoch and within it whenever it is due; `load` gives
            every worker the same. What `save` raises on worker 0 is raised on all.
        workers: this process's place among those that train together.
        execution: device, loader and compiling.
        start: state dict of a trained image-only classifier, to begin from; a frozen fusion needs one.
        weights_file: the file of the backbone's weights, where the configuration names one by its hash.

    Raises:
        UserError: the batch does not fit the data or the workers; `start` is missing or does not fit.
        FloatingPointError: the loss stops being a number.
    """
    train = data.parts[Split.TRAIN]
    precision = Precision(config, execution.device)
    with own_generators(execution.device), precision.exact():
        model = initial_model(config, len(data.categories), train, seed, start=start, weights_file=weights_file)
        precision.convert(model)
        _place(model, execution)
        details: dict[str, float] = {}
        if model.fusion.frozen_image:
            assert start is not None
            details = frozen_accuracy(model.backbone, start, config, data, workers, execution)
        if trains(model):
            order = Order.of(config, train.category_N, seed, workers)
            loop = Loop(config, data, model, order, report=report, checkpoints=checkpoints, execution=execution)
            loop.run()
    model.eval()
    return FittedClassifier(model=model, config=config, execution=execution, details=details)


def _place(model: Classifier, execution: Execution) -> None:
    layout = torch.channels_last if execution.channels_last else torch.contiguous_format
    model.to(execution.device)
    model.to(memory_format=layout)
    if execution.compile:
        model.compile()
