"""How well a classifier names the pictures of a part: each worker scores a share, worker 0 gets the figures."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from fieldmark.config.classifier import ClassifierConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import Indices, Split
from fieldmark.models.backbones import Backbone
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.predict import predict_scores
from fieldmark.training.classifier.start import image_classifier
from fieldmark.training.classifier.workers import Workers
from fieldmark.training.evaluation import PARTS, Collected, Evaluated, evaluated
from fieldmark.training.metrics import Scored, metrics


def evaluate_parts(
    model: nn.Module,
    config: ClassifierConfig,
    data: ImageExperiment,
    score: str,
    *,
    details: Mapping[str, float],
    workers: Workers,
    execution: Execution,
) -> list[Evaluated]:
    """Returns the figures and predictions of tune and test on worker 0, and nothing elsewhere.

    Parts without labelled records are left out. The scores themselves stay where they were made.
    """
    found = []
    for split, name in PARTS:
        labelled = labelled_records(data, split)
        if not len(labelled):
            continue
        mine = Collected()
        for chunk_n, scores_nC in _shared(model, config, data, split, workers, execution):
            mine.add(scores_nC, data.parts[split].category_N[chunk_n])
        everyone = workers.gather(mine)
        if everyone is not None:
            found.append(evaluated(data.parts[split], labelled, name, score, Collected.join(everyone), details))
    return found


def score_part(
    model: nn.Module,
    config: ClassifierConfig,
    data: ImageExperiment,
    split: Split,
    workers: Workers,
    execution: Execution,
) -> dict[str, float]:
    """Returns a part's metrics on worker 0; empty elsewhere, and without labelled records."""
    if not len(labelled_records(data, split)):
        return {}
    category_N = data.parts[split].category_N
    mine = [metrics(scores, category_N[at]) for at, scores in _shared(model, config, data, split, workers, execution)]
    everyone = workers.gather(mine)
    return {} if everyone is None else Scored.join([one for found in everyone for one in found]).metrics()


def frozen_accuracy(
    backbone: Backbone,
    start: Mapping[str, Tensor],
    config: ClassifierConfig,
    data: ImageExperiment,
    workers: Workers,
    execution: Execution,
) -> dict[str, float]:
    """Returns how often the frozen image-only model is right in training and in test, on worker 0 (SCIENCE rule 18).

    The further apart the two, the more a fusion on top of it has learnt that the image is always right.
    """
    alone = _ImageOnly(backbone, image_classifier(start).to(execution.device, next(backbone.parameters()).dtype))
    names = {Split.TRAIN: "frozen_train_top1", Split.TEST: "frozen_test_top1"}
    scored = {
        name: score_part(alone, config, data, split, workers, execution)
        for split, name in names.items()
        if split in data.parts
    }
    return {name: figures["top1"] for name, figures in scored.items() if figures}


def labelled_records(data: ImageExperiment, split: Split) -> Indices:
    """Returns the positions of a part's labelled records; none where there is no such part."""
    return np.flatnonzero(data.parts[split].category_N >= 0) if split in data.parts else np.zeros(0, np.int64)


class _ImageOnly(nn.Module):
    """A backbone and a classifier, called as a `Classifier` is."""

    def __init__(self, backbone: Backbone, classifier: nn.Linear) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier

    def forward(self, image_B3HW: Tensor, *_metadata: Tensor) -> Tensor:
        logits_BC: Tensor = self.classifier(self.backbone(image_B3HW))
        return logits_BC


def _shared(
    model: nn.Module,
    config: ClassifierConfig,
    data: ImageExperiment,
    split: Split,
    workers: Workers,
    execution: Execution,
) -> Iterator[tuple[Indices, NDArray[np.float32]]]:
    """Yields this worker's contiguous share of a part's labelled records, scored."""
    share = np.array_split(labelled_records(data, split), workers.size)[workers.rank]
    return predict_scores(
        model,
        config,
        data.parts[split],
        data.images[split],
        exact=data.exact,
        positions=share,
        execution=execution,
    )
