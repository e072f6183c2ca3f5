"""How long a picture takes a GPU at paper scale: from stored runs, else from the published log; no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from fieldmark.config import ClassifierConfig, Fusions

if TYPE_CHECKING:
    from fieldmark.store import RunRecord, Store

PUBLISHED_LOG = "published log"
LOG_SECONDS, LOG_BATCH = 0.714, 1024
"""Median of an iteration in the one training log that the authors released: ResNet-50 on pictures alone at 224 px."""
LOG_GPUS = 8
"""Assumed: the log names no machine, the supplement trains on 8 GPUs (section B.1)."""
LOG_MULTIPLY_ADDS = 4_107_616_256
"""Of that network for one picture, with iNat2021's 10,000 categories, as `fieldmark.models.describe` counts them."""
EVALUATION_SHARE = 1 / 3
"""A forward pass alone, of a training step: backwards costs about twice as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What training on one picture costs."""

    gpu_seconds: float
    source: str
    """Where the figure comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    config: ClassifierConfig
    gpu_seconds: float
    multiply_adds: int


class GpuSpeeds:
    """GPU-seconds a training picture, by configuration."""

    def __init__(self, store: "Store | None") -> None:
        """Reads the completed classifiers of a store that were trained whole and on GPUs; None: there are none."""
        self._known = [] if store is None else _read(store)

    def of(self, config: ClassifierConfig, multiply_adds: int) -> Speed:
        """Returns a configuration's speed: its own, its backbone's at its resolution, or one scaled by multiply-adds.

        Args:
            config: what is trained.
            multiply_adds: of one picture of its resolution.
        """
        here = f"{config.backbone} at {config.resolution} px"
        sizes = config.backbone, config.resolution
        kinds: tuple[tuple[str, Callable[[_Known], bool]], ...] = (
            ("stored runs of this configuration", lambda one: one.config == config),
            (f"stored runs of {here}", lambda one: (one.config.backbone, one.config.resolution) == sizes),
        )
        for source, alike in kinds:
            found = [one.gpu_seconds for one in self._known if alike(one)]
            if found:
                return Speed(gpu_seconds=median(found), source=source)
        scaled = [one.gpu_seconds / one.multiply_adds for one in self._known if one.multiply_adds]
        if scaled:
            return Speed(gpu_seconds=median(scaled) * multiply_adds, source="other stored runs, by multiply-adds")
        published = LOG_SECONDS * LOG_GPUS / LOG_BATCH
        return Speed(
            gpu_seconds=published * multiply_adds / LOG_MULTIPLY_ADDS, source="published log, by multiply-adds"
        )


def _read(store: "Store") -> list[_Known]:
    import pyarrow.compute as pc

    done = (pc.field("method") == "classifier") & (pc.field("status") == "completed")
    found = []
    for record in store.run_records(done):
        config, pace = record.spec.config, _gpu_seconds(record, store)
        if pace is not None and isinstance(config, ClassifierConfig) and config.fusion not in Fusions.frozen:
            found.append(_Known(config=config, gpu_seconds=pace, multiply_adds=record.multiply_adds))
    return found


def _gpu_seconds(record: "RunRecord", store: "Store") -> float | None:
    """Returns what a picture took all GPUs together; None for a run on CPUs, or without a curve."""
    if not record.cost.gpu_seconds or not record.cost.seconds:
        return None
    curve = store.curve(record.run_id)
    if curve is None or "images_per_second" not in curve.column_names:
        return None
    gpus = max(1, round(record.cost.gpu_seconds / record.cost.seconds))
    rates = [rate for rate in curve["images_per_second"].to_pylist() if rate]
    return gpus / median(rates) if rates else None
