"""Pooled features of a frozen backbone: several augmented views of training pictures, one centre crop of the others.

A fusion that saw the image-only model's features of its own training pictures, always the same, would learn that the
image is right; views that the model was not trained on soften that, and do not undo it (SCIENCE rule 18). So the
accuracy of the image-only classifier on these very features stands beside every result.
"""

import mmap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fieldmark.config.classifier import FrozenConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.images.loader import Transform, batches
from fieldmark.data.images.transforms import evaluation_transform, training_transform
from fieldmark.data.observations import Split
from fieldmark.models.backbones import Backbone
from fieldmark.training.classifier.evaluate import labelled_records
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.pictures import to_device
from fieldmark.training.classifier.precision import Precision
from fieldmark.training.classifier.predict import PREDICT_BATCH
from fieldmark.training.classifier.randomness import VIEW, picture_seeds, seed_of
from fieldmark.training.classifier.start import image_classifier, initial_model
from fieldmark.training.metrics import Scored, metrics

Rows = NDArray[np.float16] | NDArray[np.float32]
OnPictures = Callable[[int, int], None]
"""Told after every batch how many pictures have been seen, and of how many; it may raise to stop."""

SHARD_BYTES = 1 << 28
"""Largest array of a stage."""
ROWS_AT_ONCE = 4096
"""Features that a classifier scores at once."""
EVALUATED = (Split.TUNE, Split.TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """The features (N, F) of all parts, in the order of their records.

    Views are kept in float16: its rounding, 1 in 2,048, is far below what a crop changes, and half of the size decides
    whether a large data set fits into memory. Tune and test are float32, so that a fusion is right about exactly the
    pictures about which the whole model is.
    """

    views: tuple[Rows, ...]
    """Of the training pictures: one array a view."""
    parts: Mapping[Split, Rows]
    """Of tune and test."""
    details: dict[str, float]
    """`frozen_train_top1`, over all views, and `frozen_tune_top1`, `frozen_test_top1`: how often the image-only model
    is right on these features."""

    @property
    def nbytes(self) -> int:
        """Bytes of all features."""
        return sum(rows_NF.nbytes for rows_NF in (*self.views, *self.parts.values()))

    def read_in(self) -> None:
        """Reads every page of what is only mapped, so that a training that follows does not wait for the disk."""
        for rows_NF in (*self.views, *self.parts.values()):
            rows_NF.reshape(-1).view(np.uint8)[:: mmap.PAGESIZE].max(initial=0)

    def arrays(self) -> dict[str, Rows]:
        """Returns them by name, in pieces that an object store takes."""
        named = {f"view{number}": rows_NF for number, rows_NF in enumerate(self.views)}
        named |= {split.name.lower(): rows_NF for split, rows_NF in self.parts.items()}
        return {f"{name}.{at:04d}": piece for name, rows in named.items() for at, piece in enumerate(_pieces(rows))}

    @classmethod
    def of(cls, arrays: Mapping[str, Rows], details: Mapping[str, float]) -> "Features":
        """Returns what `arrays` gave; a whole array of one piece is that piece, not a copy."""
        pieces: dict[str, list[Rows]] = {}
        for name in sorted(arrays):
            pieces.setdefault(name.partition(".")[0], []).append(arrays[name])
        whole = {
            name: found[0] if len(found) == 1 else cast(Rows, np.concatenate(found)) for name, found in pieces.items()
        }
        count = sum(name.startswith("view") for name in whole)
        return cls(
            views=tuple(whole[f"view{number}"] for number in range(count)),
            parts={split: whole[split.name.lower()] for split in EVALUATED if split.name.lower() in whole},
            details=dict(details),
        )


def compute_features(
    config: FrozenConfig,
    data: ImageExperiment,
    start: Mapping[str, Tensor],
    image_seed: int,
    *,
    execution: Execution,
    on_pictures: OnPictures = lambda *_: None,
) -> Features:
    """Returns the features that a trained image-only model makes of all pictures; it evaluates, and nothing trains.

    The same picture and view have the same features whatever goes beside them, up to the last digit of sums.

    Args:
        config: how pictures are shown, and in how many views.
        data: the parts with their pictures.
        start: state dict of the image-only model.
        image_seed: of its training; the views' augmentations come from it, and are none that it was trained on.
        execution: device, loader and memory layout.
        on_pictures: see `OnPictures`.

    Raises:
        UserError: the model does not fit the configuration or the data.
    """
    with torch.random.fork_rng(devices=[]):
        model = initial_model(
            config.classifier, len(data.categories), data.parts[Split.TRAIN], 0, start=start, weights_file=None
        )
    passes = _Passes(config, model.backbone, data, execution, on_pictures)
    shown = training_transform(config, config.resolution, data.exact)
    whole = evaluation_transform(config.resolution, config.center_share, data.exact)
    seed = seed_of(VIEW, image_seed)
    views = tuple(_halved(passes.rows(Split.TRAIN, shown, (seed, view))) for view in range(config.views))
    parts = {split: passes.rows(split, whole) for split in EVALUATED if split in data.parts}
    found = Features(views=views, parts=parts, details={})
    found.details.update(_accuracy(found, data, image_classifier(start)))
    return found


class _Passes:
    """Shows pictures to a backbone, part by part."""

    def __init__(
        self,
        config: FrozenConfig,
        backbone: Backbone,
        data: ImageExperiment,
        execution: Execution,
        on_pictures: OnPictures,
    ) -> None:
        self._config = config
        self._data = data
        self._execution = execution
        self._on_pictures = on_pictures
        self._precision = Precision(config, execution.device)
        self._precision.convert(backbone)
        layout = torch.channels_last if execution.channels_last else torch.contiguous_format
        self._backbone = backbone.eval().to(execution.device).to(memory_format=layout)
        self._seen = 0
        counts = {split: len(part) for split, part in data.parts.items()}
        self._total = config.views * counts[Split.TRAIN] + sum(counts.get(split, 0) for split in EVALUATED)

    def rows(self, split: Split, transform: Transform, seeds: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Returns the features of a part; `seeds` are those from which every record's augmentation is drawn."""
        record_N = np.arange(len(self._data.parts[split]))
        seed_N = np.zeros(len(record_N), np.int64) if seeds is None else picture_seeds(*seeds, record_N)
        pairs = list(zip(record_N.tolist(), seed_N.tolist(), strict=True))
        plan = [pairs[start : start + PREDICT_BATCH] for start in range(0, len(pairs), PREDICT_BATCH)]
        execution = self._execution
        pictures = batches(
            self._data.images[split], plan, transform, processes=execution.loader_processes, pin=execution.pins
        )
        found = np.empty((len(record_N), self._backbone.width), np.float32)
        for chunk, feature_nF in zip(plan, map(self._feature, pictures), strict=True):
            found[chunk[0][0] : chunk[-1][0] + 1] = feature_nF
            self._seen += len(chunk)
            self._on_pictures(self._seen, self._total)
        return found

    @torch.no_grad()
    def _feature(self, image_n3HW: Tensor) -> NDArray[np.float32]:
        precision = self._precision
        normalised_n3HW = to_device(image_n3HW, precision.dtype, self._config.normalisation, self._execution)
        with precision.exact(), precision.forward():
            feature_nF = self._backbone(normalised_n3HW)
        found: NDArray[np.float32] = feature_nF.float().cpu().numpy()
        return found


def _accuracy(features: Features, data: ImageExperiment, classifier: nn.Linear) -> dict[str, float]:
    classifier = classifier.float().cpu()
    seen = {Split.TRAIN: features.views} | {split: (rows,) for split, rows in features.parts.items()}
    return {
        f"frozen_{split.name.lower()}_top1": Scored.join(scored).metrics()["top1"]
        for split, arrays in seen.items()
        if (scored := [one for rows_NF in arrays for one in _scored(rows_NF, data, split, classifier)])
    }


@torch.no_grad()
def _scored(rows_NF: Rows, data: ImageExperiment, split: Split, classifier: nn.Linear) -> Iterator[Scored]:
    labelled = labelled_records(data, split)
    for start in range(0, len(labelled), ROWS_AT_ONCE):
        at_n = labelled[start : start + ROWS_AT_ONCE]
        logits_nC = classifier(torch.from_numpy(rows_NF[at_n].astype(np.float32)))
        yield metrics(logits_nC.softmax(dim=1).numpy(), data.parts[split].category_N[at_n])


def _halved(rows_NF: NDArray[np.float32]) -> Rows:
    """Returns features as float16, but those of a network whose features it does not hold as they are."""
    return rows_NF if np.abs(rows_NF).max(initial=0.0) > np.finfo(np.float16).max else rows_NF.astype(np.float16)


def _pieces(rows_NF: Rows) -> list[Rows]:
    rows = max(1, SHARD_BYTES // max(1, rows_NF.shape[1] * rows_NF.itemsize))
    return [rows_NF[start : start + rows] for start in range(0, max(1, len(rows_NF)), rows)]
