"""What a training would do and cost, in under three seconds; neither torch nor Ray is imported."""

from statistics import median
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import ClassifierFields, FrozenConfig
from fieldmark.config.canonical import trains
from fieldmark.search.estimate import PREDICTION_BYTES, RECORD_BYTES
from fieldmark.search.tasks import Task
from fieldmark.search.training.facts import TrainFacts
from fieldmark.search.training.feature_stage import stage_key
from fieldmark.search.training.options import TrainOptions
from fieldmark.search.training.plan import TrainPlan, config_of
from fieldmark.search.words import duration

if TYPE_CHECKING:
    from fieldmark.store import Store

BYTES_A_PARAMETER = 4
STATES = {"sgd": 2, "adamw": 3}
"""Numbers a parameter in a checkpoint: itself and the optimiser's."""


class PlannedRun(BaseModel):
    """A line of the plan."""

    model_config = ConfigDict(extra="forbid")

    run_id: str
    what: str
    """Backbone and fusion."""
    config: dict[str, Any]
    done: bool
    steps: int
    """Of all epochs."""
    seconds: float | None
    """From stored runs of the same backbone and fusion at this resolution; None is unknown."""
    checkpoint_bytes: int | None
    """From stored runs of the same backbone and fusion; None is unknown."""


class PlannedFeatures(BaseModel):
    """Cached features, which every fusion on the same image-only model shares."""

    model_config = ConfigDict(extra="forbid")

    key: str
    """Of the stage."""
    done: bool
    views: int
    pictures: int
    """That go through the backbone: every view of the training pictures, and tune and test once."""
    seconds: float | None
    """That they took; None is unknown."""


class TrainDryRun(BaseModel):
    """A training's plan with its cost."""

    model_config = ConfigDict(extra="forbid")

    run_id: str
    dataset: str
    protocol: str
    scale: str
    images: dict[str, int]
    """Pictures in train, tune and test."""
    workers: list[int]
    """Numbers of workers that may be used."""
    runs: list[PlannedRun]
    features: PlannedFeatures | None
    """What the frozen backbone makes once, apart from the runs; None where no backbone is frozen."""
    bounds: list[str]
    """Fields that the world's Bayes classifier sees."""
    seconds: float | None
    """Of what is left; None is unknown."""
    pack_bytes: int
    store_bytes: int
    """Predictions and records of what is left."""
    notes: list[str]

    def text(self) -> str:
        """Returns the plan for people."""
        time = "unknown (no such run is stored yet)"
        if self.seconds is not None:
            time = f"about {duration(self.seconds)}, as long as stored runs took"
        images = ", ".join(f"{count:,} {part}" for part, count in self.images.items())
        return "\n".join(
            [
                f"run {self.run_id} on {self.dataset}, protocol {self.protocol}; {self.scale}",
                "",
                *map(_line, self.runs),
                "",
                f"images       {images}",
                f"workers      {' or '.join(map(str, self.workers))}",
                f"time         {time}",
                *([] if self.features is None else [_features(self.features)]),
                f"packed set   about {self.pack_bytes / 1e6:.1f} MB",
                f"checkpoints  {_checkpoints(self.runs)}",
                f"store grows  about {self.store_bytes / 1e6:.1f} MB beside weights",
                *(f"note         {note}" for note in self.notes),
            ]
        )


def train_dry_run(plan: TrainPlan, options: TrainOptions, store: "Store | None") -> TrainDryRun:
    """Returns what the training would do, without writing anything.

    Args:
        plan: the runs.
        options: the flags.
        store: None where there is no store yet.
    """
    known = _Known(store, plan.facts)
    runs = [_planned(task, plan.facts, known, store) for task in plan.runs]
    left = [run for run in runs if not run.done]
    seconds = [run.seconds for run in left]
    card = plan.facts.card
    rows = card.counts["tune"] + card.counts["test"]
    return TrainDryRun(
        run_id=plan.main.run_id,
        dataset=card.name,
        protocol=card.protocol,
        scale=plan.scale,
        images=dict(card.counts),
        workers=list(plan.workers),
        runs=runs,
        features=_planned_features(plan, store),
        bounds=[str(task.spec.config.information) for task in plan.bounds if task.spec.config.method == "bayes"],
        seconds=None if None in seconds else sum(one for one in seconds if one is not None),
        pack_bytes=pack_bytes(plan) if options.pack and left else 0,
        store_bytes=len(left) * (rows * PREDICTION_BYTES + 3 * RECORD_BYTES),
        notes=list(plan.notes),
    )


def pack_bytes(plan: TrainPlan) -> int:
    """Returns about how large the packed pictures are, three bytes a pixel; 0 where they are read as they are."""
    side = plan.config.resolution if plan.facts.is_world else plan.config.picture_side or 0
    return 3 * side * side * sum(plan.facts.card.counts.values())


def steps_of(config: ClassifierFields, pictures: int) -> int:
    """Returns the steps of all epochs; the last, partial batch of an epoch is left out."""
    return config.epochs * (pictures // config.batch)


class _Known:
    """What stored runs of classifiers took."""

    def __init__(self, store: "Store | None", facts: TrainFacts) -> None:
        self._facts = facts
        self._rows: list[dict[str, Any]] = []
        self._pictures: dict[str, int] = {}
        if store is not None:
            import pyarrow.compute as pc

            done = pc.field("method").isin(["classifier", "frozen"]) & (pc.field("status") == "completed")
            columns = ["method", "fingerprint", "seconds", "epochs", "parameters", "config.backbone", "config.fusion"]
            self._rows = store.runs([*columns, "config.resolution"], done, strict=False).to_pylist()
            self._pictures = {card.fingerprint: card.counts["train"] for card in store.cards()}

    def seconds(self, config: ClassifierFields) -> float | None:
        """Returns the expected seconds of a run, or None."""
        found = [
            row["seconds"] / (row["epochs"] * self._pictures[row["fingerprint"]])
            for row in self._alike(config)
            if row["config.resolution"] == config.resolution and row["epochs"] and row["fingerprint"] in self._pictures
        ]
        return None if not found else median(found) * config.epochs * self._facts.pictures

    def checkpoint_bytes(self, config: ClassifierFields) -> int | None:
        """Returns about how large a checkpoint is, or None."""
        found = [row["parameters"] for row in self._alike(config) if row["parameters"]]
        return None if not found else round(median(found)) * BYTES_A_PARAMETER * STATES[config.optimizer]

    def _alike(self, config: ClassifierFields) -> list[dict[str, Any]]:
        wanted = ("frozen" if isinstance(config, FrozenConfig) else "classifier", config.backbone, config.fusion)
        names = ("method", "config.backbone", "config.fusion")
        return [row for row in self._rows if tuple(row[name] for name in names) == wanted]


def _planned(task: Task, facts: TrainFacts, known: _Known, store: "Store | None") -> PlannedRun:
    config = config_of(task)
    return PlannedRun(
        run_id=task.run_id,
        what=f"{_backbone(config)} + {config.fusion} at {config.resolution} px, {_epochs(config)}",
        config=config.model_dump(mode="json"),
        done=store is not None and store.has_run(task.run_id),
        steps=steps_of(config, facts.pictures) if trains(config) else 0,
        seconds=known.seconds(config),
        checkpoint_bytes=known.checkpoint_bytes(config) if trains(config) else 0,
    )


def _planned_features(plan: TrainPlan, store: "Store | None") -> PlannedFeatures | None:
    if not isinstance(plan.config, FrozenConfig):
        return None
    key, views, counts = stage_key(plan.main), plan.config.views, plan.facts.card.counts
    meta = None if store is None else store.stage_meta(key)
    return PlannedFeatures(
        key=key,
        done=meta is not None,
        views=views,
        pictures=views * counts["train"] + counts["tune"] + counts["test"],
        seconds=None if meta is None else float(meta["seconds"]),
    )


def _features(planned: PlannedFeatures) -> str:
    what = f"features     of {planned.pictures:,} pictures ({planned.views} views of each training picture)"
    if planned.seconds is None:
        return f"{what}, made once for all fusions on this model (its time is not known)"
    return f"{what}, made already in {planned.seconds:.1f} s"


def _epochs(config: ClassifierFields) -> str:
    return f"{config.epochs} epochs" if trains(config) else "nothing to train"


def _backbone(config: ClassifierFields) -> str:
    return f"frozen backbone {config.backbone}" if isinstance(config, FrozenConfig) else config.backbone


def _line(run: PlannedRun) -> str:
    state = "recorded already" if run.done else f"{run.steps:,} steps"
    return f"{run.run_id[:10]}   {run.what}: {state}"


def _checkpoints(runs: list[PlannedRun]) -> str:
    sizes = [run.checkpoint_bytes for run in runs if not run.done]
    if None in sizes:
        return "of unknown size (no such run is stored yet)"
    return f"about {max((size for size in sizes if size is not None), default=0) / 1e6:.1f} MB, one at a time"
