"""What a sweep is judged by: one metric of one score on `tune` (SCIENCE rule 5)."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from fieldmark.errors import UserError
from fieldmark.store.records import METRICS

SCORES = (
    "prior_raw",
    "prior_corrected",
    "prior_calibrated",
    "product_raw",
    "product_corrected",
    "product_bayes",
)


class Objective(BaseModel):
    """A score source and one of its metrics, always on `tune`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: str
    """Score source, one of `SCORES`."""
    metric: str
    """One of `fieldmark.store.records.METRICS`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Returns the objective written as ``score:metric``, e.g. ``product_raw:top1``.

        Raises:
            UserError: for an unknown score or metric.
        """
        score, _, metric = text.partition(":")
        if score not in SCORES or metric not in METRICS:
            raise UserError(
                f"--objective {text!r}: expected SCORE:METRIC with SCORE one of {', '.join(SCORES)} "
                f"and METRIC one of {', '.join(METRICS)}"
            )
        return cls(score=score, metric=metric)

    @classmethod
    def default(cls, *, images: bool) -> Self:
        """Returns top-1 of the published product with images; log-loss of the calibrated prior without."""
        return cls(score="product_raw", metric="top1") if images else cls(score="prior_calibrated", metric="log_loss")

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Optuna's word for which values are good."""
        return "minimize" if self.metric == "log_loss" else "maximize"

    @property
    def text(self) -> str:
        """The objective as it is written on a command line."""
        return f"{self.score}:{self.metric}"

    def goodness(self, value: float) -> float:
        """Returns the value with its sign turned so that more is better."""
        return -value if self.direction == "minimize" else value

    def of(self, metrics: Mapping[str, float]) -> float | None:
        """Returns the objective's value among metrics, or None."""
        return metrics.get(self.metric)
