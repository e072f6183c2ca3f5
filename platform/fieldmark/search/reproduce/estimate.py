"""What the rows of the tables cost at paper scale, without data and without torch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import ClassifierConfig, View
from fieldmark.data.given_splits import TUNE_SHARE
from fieldmark.papers import Measurement, dataset_counts
from fieldmark.search.estimate import PREDICTION_BYTES
from fieldmark.search.reproduce.published_data import MissingData, missing_data
from fieldmark.search.reproduce.speeds import (
    EVALUATION_SHARE,
    LOG_BATCH,
    LOG_GPUS,
    LOG_SECONDS,
    PUBLISHED_LOG,
    GpuSpeeds,
)
from fieldmark.search.training.dryrun import BYTES_A_PARAMETER, STATES
from fieldmark.tables.counts import categories_as_printed, full_size

if TYPE_CHECKING:
    from fieldmark.store import Store

CROPS = {"center": 1, "ten": 10, "twelve": 12}
HOUR = 3600
PROBABILITY_BYTES = 2


class RowEstimate(BaseModel):
    """The cost of one published accuracy."""

    model_config = ConfigDict(extra="forbid")

    cell: str
    what: str
    """Backbone, fusion, resolution, epochs and view."""
    seeds: int
    train_gpu_hours: float
    """Of one seed; with the evaluation of tune after every epoch."""
    evaluate_gpu_hours: float
    """Of one seed: tune and test, under the row's view."""
    trained_for: str
    """The row whose runs these are, too; empty where they are trained for this one."""
    gpu_hours: float
    """Of all seeds; without training where another row pays for it."""
    source: str
    """What the time is taken from; empty where there is none."""
    weights_bytes: int
    """Of all seeds; 0 where another row pays for it."""
    predictions_bytes: int
    """Of all seeds, with whole probabilities where an ensemble averages them."""
    checkpoint_bytes: int
    """The largest at a time, a run."""


class PaperEstimate(BaseModel):
    """The cost of rows at paper scale, as if nothing were stored yet."""

    model_config = ConfigDict(extra="forbid")

    rows: list[RowEstimate]
    gpu_hours: float
    store_bytes: int
    """Weights and predictions of all rows and seeds."""
    checkpoint_bytes: int
    """Of the largest run; as many as run at a time are there together."""
    missing: list[MissingData]
    assumptions: list[str]

    def to_json(self) -> dict[str, Any]:
        """Returns the object that `--json` prints."""
        return self.model_dump(mode="json")


def estimate_rows(
    measurements: Sequence[Measurement],
    store: "Store | None",
    given_data: Mapping[str, str],
    seeds: Mapping[str, int],
) -> PaperEstimate:
    """Returns what rows cost at paper scale.

    Args:
        measurements: those of scale `paper`.
        store: whose runs on GPUs tell how long a picture takes; None where there is none.
        given_data: published name to what was typed after --data.
        seeds: of every row of a table.
    """
    estimator = _Estimator(GpuSpeeds(store), measurements)
    rows = [estimator.row(one, seeds[one.table]) for one in measurements]
    names = dict.fromkeys(one.dataset for one in measurements)
    return PaperEstimate(
        rows=rows,
        gpu_hours=sum(row.gpu_hours for row in rows),
        store_bytes=sum(row.weights_bytes + row.predictions_bytes for row in rows),
        checkpoint_bytes=max((row.checkpoint_bytes for row in rows), default=0),
        missing=[missing_data(name) for name in names if name not in given_data],
        assumptions=_assumptions(rows),
    )


class _Estimator:
    """Counts every run once: for the first row that needs it."""

    def __init__(self, speeds: GpuSpeeds, measurements: Sequence[Measurement]) -> None:
        self._speeds = speeds
        self._averaged = {one.table for one in measurements if one.ensemble_above is not None}
        self._paid: dict[tuple[str, str], tuple[str, int]] = {}
        """Configuration and data set to the row that its runs are counted for, and how many seeds."""

    def row(self, one: Measurement, seeds: int) -> RowEstimate:
        """Returns the cost of a row that comes after those asked for before."""
        if one.config is None:
            return _ensemble(one, seeds)
        assert isinstance(one.config, ClassifierConfig), "rows are trained whole at paper scale"
        counts = dataset_counts()[one.dataset]
        size = full_size(one.config, categories_as_printed(one))
        assert size is not None, f"{one.cell}: run python -m fieldmark.testing.full_counts"
        speed = self._speeds.of(one.config, size.multiply_adds)
        train, evaluated = _pictures(one)
        hours = speed.gpu_seconds / HOUR
        learning = hours * one.config.epochs * (train + EVALUATION_SHARE * (evaluated - (counts.val or 0)))
        looking = hours * EVALUATION_SHARE * evaluated * _looks(one.config, one.view)
        paid_for, paid = self._paid.setdefault((one.config.config_id, one.dataset), (one.cell, 0))
        to_train = max(0, seeds - paid)
        kept = PROBABILITY_BYTES * counts.categories if one.table in self._averaged else 0
        self._paid[one.config.config_id, one.dataset] = paid_for, max(seeds, paid)
        return RowEstimate(
            cell=one.cell,
            what=_what(one.config, one.view),
            seeds=seeds,
            train_gpu_hours=learning,
            evaluate_gpu_hours=looking,
            trained_for="" if paid_for == one.cell else paid_for,
            gpu_hours=to_train * learning + (seeds if one.view else to_train) * looking,
            source=speed.source,
            weights_bytes=to_train * BYTES_A_PARAMETER * size.parameters,
            predictions_bytes=seeds * round(evaluated) * (PREDICTION_BYTES + kept),
            checkpoint_bytes=BYTES_A_PARAMETER * STATES[one.config.optimizer] * size.parameters,
        )


def _pictures(one: Measurement) -> tuple[float, float]:
    """Returns the pictures that are trained on, and those of tune and test together."""
    counts = dataset_counts()[one.dataset]
    assert counts.train is not None and counts.val is not None, one.dataset
    tune = TUNE_SHARE * counts.train
    return counts.train - tune, tune + counts.val


def _looks(config: ClassifierConfig, view: str) -> float:
    """Returns how many forward passes at the training resolution a picture's evaluation is worth."""
    shown = View.parse(view)
    return CROPS[shown.crops] * sum((size / config.resolution) ** 2 for size in shown.sizes_of(config.resolution))


def _what(config: ClassifierConfig, view: str) -> str:
    shown = f", shown as {view}" if view else ""
    return f"{config.backbone} + {config.fusion}, {config.resolution} px, {config.epochs} epochs{shown}"


def _ensemble(one: Measurement, seeds: int) -> RowEstimate:
    _, evaluated = _pictures(one)
    return RowEstimate(
        cell=one.cell,
        what="mean of the other rows' stored probabilities",
        seeds=seeds,
        train_gpu_hours=0.0,
        evaluate_gpu_hours=0.0,
        trained_for="",
        gpu_hours=0.0,
        source="",
        weights_bytes=0,
        predictions_bytes=seeds * round(evaluated) * PREDICTION_BYTES,
        checkpoint_bytes=0,
    )


def _assumptions(rows: Sequence[RowEstimate]) -> list[str]:
    said = [
        "evaluating a picture costs a third of training on it, and as the square of its side; bad records, reading of "
        "pictures and restarts are not counted",
        f"{100 * TUNE_SHARE:g} % of the training pictures are kept back to choose on (tune), and scored every epoch",
        "models for YFCC100M-GEO100 are as large as for iNat2018's categories, as printed; that adds little time",
    ]
    if any(row.source.startswith(PUBLISHED_LOG) for row in rows):
        said.append(
            f"{PUBLISHED_LOG}: {LOG_SECONDS} s an iteration of {LOG_BATCH} pictures, ResNet-50 on pictures alone at "
            f"224 px, on an assumed {LOG_GPUS} GPUs of unknown kind (the supplement's number; the log names none)"
        )
    return said
