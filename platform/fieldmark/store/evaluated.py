"""From what an evaluation found to its record."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from fieldmark.config import RunSpec, Scale
from fieldmark.store.records import EvaluationRecord, Trial


class Found(Protocol):
    """One score source on one part, as `fieldmark.training.evaluation.Evaluated`."""

    @property
    def split(self) -> Literal["tune", "test"]:
        """Tune or test."""

    @property
    def score(self) -> str:
        """Score source."""

    @property
    def metrics(self) -> dict[str, float]:
        """Fractions by name; log_loss in nats."""

    @property
    def details(self) -> dict[str, float]:
        """Further figures."""

    @property
    def predictions(self) -> Any:
        """A row for each record scored."""


class Evaluable(Protocol):
    """A run, planned or recorded."""

    @property
    def run_id(self) -> str:
        """Its id."""

    @property
    def spec(self) -> RunSpec:
        """Configuration, data and seed."""

    @property
    def scale(self) -> Scale:
        """At what scale."""

    @property
    def trial(self) -> Trial:
        """Its part in a sweep."""


def evaluation_record(
    run: Evaluable, found: Found, parameters: int, seconds: float, *, view: str = "", **ensemble: Any
) -> EvaluationRecord:
    """Returns the record of one evaluation.

    Args:
        run: the run; of an ensemble the one that stands for its data and scale.
        found: figures and predictions.
        parameters: of the model.
        seconds: that it took.
        view: how the pictures were shown (see `EvaluationRecord.view`).
        ensemble: `run_ids` and `members`, of an ensemble.
    """
    fields: Mapping[str, Any] = {"run_ids": (run.run_id,), **ensemble}
    return EvaluationRecord(
        spec=run.spec,
        scale=run.scale,
        split=found.split,
        score=found.score,
        n=len(found.predictions),
        metrics=found.metrics,
        details=found.details,
        role=run.trial.role,
        sweep=run.trial.sweep,
        parameters=parameters,
        seconds=seconds,
        view=view,
        **fields,
    )
