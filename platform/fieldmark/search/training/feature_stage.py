"""Features of an image-only run's backbone, made by whoever asks first, and taken from the store after that."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fieldmark.config import IMAGE_MODEL, FrozenConfig
from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.search.interruption import CutOff
from fieldmark.search.tasks import Task
from fieldmark.search.training.kept import Kept
from fieldmark.search.words import duration
from fieldmark.training.frozen.keys import features_key

if TYPE_CHECKING:
    from torch import Tensor

    from fieldmark.search.training.recording import Circumstances
    from fieldmark.store import Store
    from fieldmark.training.frozen.features import Features


BETWEEN_LINES = 5.0
"""Seconds between two lines on how far the features are."""


def stage_key(task: Task) -> str:
    """Returns the key of the stage whose features a frozen run is trained on."""
    spec, config = task.spec, task.spec.config
    assert isinstance(config, FrozenConfig)
    return features_key(config, spec.stages[IMAGE_MODEL], spec.fingerprint, spec.protocol)


def stored_features(
    task: Task,
    data: ImageExperiment,
    store: "Store",
    how: "Circumstances",
    start: "dict[str, Tensor]",
    kept: "Kept[Features] | None" = None,
) -> "tuple[Features, float]":
    """Returns the features that a frozen run is trained on; makes them where the store has none.

    Everybody trains on what the store has: of two makers at once the second takes the first one's.

    Returns:
        The features, and the seconds that reading them took; not those of making them, which stand in the stage.

    Args:
        task: the frozen run.
        data: the pictures.
        store: where the stage is.
        how: device, and whom to tell and ask.
        start: the weights of the image-only run.
        kept: features of earlier runs in this process, of which nothing is read again.

    Raises:
        CutOff: asked to stop; what was made so far is lost.
    """
    key, seconds = stage_key(task), 0.0

    def read() -> "Features":
        nonlocal seconds
        meta = store.stage_meta(key)
        if meta is None:
            _make(key, task, data, store, how, start)
            meta = store.stage_meta(key)
            assert meta is not None, "it was written just now"
        began = time.monotonic()
        found = _read(key, store, meta)
        seconds = time.monotonic() - began
        return found

    found = read() if kept is None else kept.get(key, read)
    return found, seconds


def _read(key: str, store: "Store", meta: Mapping[str, Any]) -> "Features":
    from fieldmark.training.frozen.features import Features

    arrays = store.stage(key)
    assert arrays is not None, "what was stored beside them is there"
    found = Features.of(arrays, meta["details"])
    found.read_in()
    return found


def _make(
    key: str, task: Task, data: ImageExperiment, store: "Store", how: "Circumstances", start: "dict[str, Tensor]"
) -> None:
    from fieldmark.training.frozen.features import compute_features

    config = task.spec.config
    assert isinstance(config, FrozenConfig)
    image_run = store.run(task.spec.stages[IMAGE_MODEL])
    teller = _Teller(how)
    found = compute_features(config, data, start, image_run.spec.seed, execution=how.execution, on_pictures=teller.seen)
    meta = {
        "kind": "features",
        "image_run": image_run.run_id,
        "backbone": config.backbone,
        "views": config.views,
        "pictures": teller.total,
        "seconds": teller.seconds,
        "device": how.execution.device,
        "bytes": sum(rows.nbytes for rows in found.arrays().values()),
        "details": found.details,
    }
    store.put_stage(key, found.arrays(), meta)


class _Teller:
    """Says how far the features are, and stops where that is asked for."""

    def __init__(self, how: "Circumstances") -> None:
        self._how = how
        self._started = self._told = time.monotonic()
        self.total = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def seen(self, pictures: int, total: int) -> None:
        if not self._how.keep_going():
            raise CutOff
        if not self.total:
            self._how.say(f"features: of {total:,} pictures, kept for every fusion on this model")
        self.total = total
        if time.monotonic() - self._told >= BETWEEN_LINES:
            self._told = time.monotonic()
            left = self.seconds * (total - pictures) / pictures
            self._how.say(f"features: {pictures:,} of {total:,} pictures, about {duration(left)} left")
