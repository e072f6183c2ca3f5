"""What a fusion says of cached features."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fieldmark.config.classifier import FrozenConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import Split
from fieldmark.models.fusions import Fusion, Metadata
from fieldmark.training.classifier.evaluate import labelled_records
from fieldmark.training.classifier.precision import Precision
from fieldmark.training.classifier.records import Records
from fieldmark.training.evaluation import Collected, Evaluated, SplitName, evaluated
from fieldmark.training.frozen.features import EVALUATED, Features
from fieldmark.training.metrics import Scored, metrics

ROWS_AT_ONCE = 1024


class FeatureScores:
    """Scores the labelled records of tune and test by one fusion, whose weights may change between two calls."""

    def __init__(
        self, config: FrozenConfig, fusion: Fusion, data: ImageExperiment, features: Features, device: str
    ) -> None:
        """Takes features and metadata to the device, once."""
        self._fusion = fusion
        self._data = data
        self._precision = Precision(config, device)
        dtype = self._precision.dtype
        held = [split for split in EVALUATED if split in data.parts]
        self._feature = {split: torch.from_numpy(features.parts[split]).to(device, dtype) for split in held}
        self._known = {split: Records.of(data.parts[split], config.classifier, dtype, device) for split in held}

    def metrics(self, split: Split) -> dict[str, float]:
        """Returns a part's metrics; empty without labelled records."""
        scored = [metrics(scores_nC, category_n) for scores_nC, category_n in self._rows(split)]
        return Scored.join(scored).metrics() if scored else {}

    def evaluated(self, split: Split, part: SplitName, score: str, details: Mapping[str, float]) -> Evaluated | None:
        """Returns a part's figures and predictions; None without labelled records."""
        collected = Collected()
        for scores_nC, category_n in self._rows(split):
            collected.add(scores_nC, category_n)
        if not collected.scored:
            return None
        labelled = labelled_records(self._data, split)
        return evaluated(self._data.parts[split], labelled, part, score, collected, details)

    @torch.no_grad()
    def _rows(self, split: Split) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        self._fusion.eval()
        labelled = labelled_records(self._data, split)
        for start in range(0, len(labelled), ROWS_AT_ONCE):
            at_n = labelled[start : start + ROWS_AT_ONCE]
            encoded_nM, place_n2, _ = self._known[split].at(at_n)
            feature_nF = self._feature[split][torch.from_numpy(at_n)]
            yield self._scores(feature_nF, Metadata(encoded_nM, place_n2)), self._data.parts[split].category_N[at_n]

    def _scores(self, feature_BF: Tensor, metadata: Metadata) -> NDArray[np.float32]:
        with self._precision.exact(), self._precision.forward():
            logits_BC = self._fusion(feature_BF, metadata)
        scores_BC: NDArray[np.float32] = self._precision.of_loss(logits_BC).softmax(dim=1).float().cpu().numpy()
        return scores_BC
