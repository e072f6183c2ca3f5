"""Trains a fusion, with its classifier, on cached features of a frozen image-only model: seconds instead of hours."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from fieldmark.config.classifier import FrozenConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import Split
from fieldmark.errors import UserError
from fieldmark.models.classifier import Classifier
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.fit import ALONE, HERE, FittedClassifier
from fieldmark.training.classifier.order import Order
from fieldmark.training.classifier.precision import Precision
from fieldmark.training.classifier.randomness import own_generators
from fieldmark.training.classifier.start import initial_model, trains
from fieldmark.training.classifier.workers import Workers
from fieldmark.training.evaluation import PARTS, Evaluated
from fieldmark.training.frozen.features import Features
from fieldmark.training.frozen.loop import FeatureLoop
from fieldmark.training.frozen.predict import FeatureScores
from fieldmark.training.interfaces import Checkpoints, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedFrozen(FittedClassifier):
    """A trained fusion on the backbone that it was trained on: a whole classifier, asked by cached features."""

    scores: FeatureScores

    def evaluate(self, data: ImageExperiment, workers: Workers = ALONE) -> list[Evaluated]:
        """Returns the scores of tune and test, from the cached features of their centre crops."""
        assert workers.size == 1, "a fusion on cached features is trained in one process"
        name = "joint" if self.model.fusion.looks_at_location else "image"
        found = (self.scores.evaluated(split, part, name, self.details) for split, part in PARTS)
        return [one for one in found if one is not None]


def fit_frozen(
    config: FrozenConfig,
    data: ImageExperiment,
    features: Features,
    seed: int,
    *,
    report: Report,
    start: Mapping[str, Tensor],
    checkpoints: Checkpoints | None = None,
    execution: Execution = HERE,
) -> FittedFrozen:
    """Trains a fusion on the training part's features: epoch e (from 0) sees view e mod V.

    A fusion without anything to train is only told the training records. Every draw comes from (seed, epoch, step), so
    a training that was cut off goes on bit for bit.

    Args:
        config: the settings, as run.
        data: the parts; no picture of them is opened.
        features: of the model `start`.
        seed: decides all randomness.
        report: told `loss`, `lr`, `images_per_second` and tune's `top1` and `log_loss` after every epoch; its False
            stops the training.
        start: state dict of the image-only model whose features these are.
        checkpoints: where the state of the fusion is kept whenever it is due.
        execution: device and whom to tell; there are no pictures to load.

    Raises:
        UserError: the batch does not fit the data, the model does not fit, or the fusion works on the map.
        FloatingPointError: the loss stops being a number.
    """
    train = data.parts[Split.TRAIN]
    precision = Precision(config, execution.device)
    with own_generators(execution.device), precision.exact():
        model = initial_model(config.classifier, len(data.categories), train, seed, start=start, weights_file=None)
        _check_pooled(config, model)
        model.backbone.requires_grad_(False)
        precision.convert(model)
        model.to(execution.device)
        scores = FeatureScores(config, model.fusion, data, features, execution.device)
        if trains(model):
            grouped = config.model_copy(update={"bn_batch": config.batch, "mixup_group": config.batch})
            order = Order.of(grouped, train.category_N, seed, ALONE)
            loop = FeatureLoop(config, data, features, model.fusion, scores, order, execution)
            loop.run(report, checkpoints)
    model.eval()
    return FittedFrozen(
        model=model, config=config.classifier, execution=execution, details=dict(features.details), scores=scores
    )


def _check_pooled(config: FrozenConfig, model: Classifier) -> None:
    fusion = model.fusion
    if fusion.reads_map and getattr(fusion, "on_map", True):
        pooled = ": use --set where=pooled" if "where" in config.fusion_settings else ""
        raise UserError(
            f"fusion {config.fusion} works on the map, and a frozen backbone's pooled features are cached{pooled}"
        )
