"""The immutable records: a run, and an evaluation of one or several runs."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fieldmark.config import RunSpec, Scale, digest

FORMAT = 1
"""Version of the store's format; a reader accepts this one and every older one."""

METRICS = ("top1", "top3", "top5", "top10", "mrr", "log_loss")

Status = Literal["completed", "stopped", "failed"]


class Record(BaseModel):
    """What every record is."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cost(Record):
    """What a run used."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    peak_gpu_memory_bytes: int = 0
    """The most that one worker has reserved on its GPU, as torch counts; 0 on a CPU."""


class Provenance(Record):
    """Where and by what a run was done: recorded, never hashed."""

    host: str = ""
    device: str = "cpu"
    python: str = ""
    versions: dict[str, str] = {}
    """Library to version."""
    git_revision: str = ""
    git_dirty: bool = False
    started: float = 0.0
    """Unix time, seconds."""
    ended: float = 0.0


class Trial(Record):
    """The part a run played in a sweep: enough to rebuild the study."""

    sweep: str = ""
    number: int = -1
    """Position in the plan; -1 outside a sweep."""
    group: str = ""
    """Runs that differ by the seed only share a group."""
    role: Literal["published", "search", "confirmation", "baseline", "bound", "stage", "single", "imported"] = "single"
    params: dict[str, Any] = {}
    """Optuna's parameters, in the paper's units."""
    distributions: dict[str, str] = {}
    """Parameter to Optuna's JSON of its distribution."""


class RunRecord(Record):
    """One run, written once when it ends."""

    format: int = FORMAT
    run_id: str
    spec: RunSpec
    scale: Scale
    status: Status
    message: str = ""
    """Why it failed or was stopped."""
    metrics: dict[str, float] = {}
    """The objective's view: metrics on `tune` of the sweep's score, by name; fractions."""
    parameters: int = 0
    """Trainable parameters."""
    multiply_adds: int = 0
    """Of one forward pass of one picture; 0 where they were not counted."""
    epochs: int = 0
    trial: Trial = Trial()
    cost: Cost = Cost()
    provenance: Provenance = Provenance()


class EvaluationRecord(Record):
    """Scores of one run (or an ensemble) on one part, written once."""

    format: int = FORMAT
    run_ids: tuple[str, ...] = Field(min_length=1)
    spec: RunSpec
    """Of the first run."""
    scale: Scale
    split: Literal["tune", "test"]
    score: str
    """Score source: image, prior_raw, prior_corrected, prior_calibrated, product_raw, product_corrected, product_bayes,
    joint."""
    n: int
    """Records scored."""
    metrics: dict[str, float]
    """Fractions named as in METRICS; log_loss in nats."""
    details: dict[str, float] = {}
    """Further figures, e.g. `temperature`, `turned_right`, `turned_wrong`, `prior_applied`."""
    role: str = "single"
    """The run's role in its sweep (see Trial)."""
    sweep: str = ""
    parameters: int = 0
    seconds: float = 0.0
    view: str = ""
    """How the pictures were shown: empty for the run's own centre crop at the end of training, else a
    `fieldmark.config.View`'s text, e.g. `center:256`; of an ensemble `ensemble:` and the digest of its candidates and
    rule. Tables of sweeps, pages and bounds are made of empty views only (see `Store.evaluations`)."""
    members: tuple[str, ...] = ()
    """Ids of the evaluations whose probabilities an ensemble averages."""

    @property
    def evaluation_id(self) -> str:
        """The digest of the runs, the part, the score source and, where it is not the run's own, the view."""
        view = {"view": self.view} if self.view else {}
        return digest({"runs": self.run_ids, "split": self.split, "score": self.score, **view})


def stopped_id(run_id: str, sweep: str) -> str:
    """Returns the id under which a sweep records that it stopped a run early; the run's own id stays free.

    Another sweep may want the whole run, and must not be handed a stump of it.
    """
    return digest({"stopped": run_id, "sweep": sweep})


class DatasetCard(Record):
    """What tables need to know of a data set without reading it again."""

    format: int = FORMAT
    name: str
    spec: str
    """What the user typed after --data."""
    fingerprint: str
    protocol: str
    categories: int
    counts: dict[str, int]
    """Records in train, tune, test."""
    largest_category: int
    category_size: float
    """Median training records a category."""
    has_images: bool
    superset_fingerprint: str | None = None
    superset_largest_category: int | None = None
    notes: tuple[str, ...] = ()
    """Footnotes about the data set."""
