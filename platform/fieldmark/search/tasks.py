"""A unit of work, and how it ended."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from fieldmark.config import RunSpec, Scale
from fieldmark.search.objective import Objective
from fieldmark.store.records import Trial


class Task(BaseModel):
    """One run to do: all that a worker needs beside the data and the store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: RunSpec
    scale: Scale
    trial: Trial
    objective: Objective
    early_stopping: bool = False
    """Whether the run may be stopped at a rung."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.spec.run_id

    @property
    def task(self) -> Self:
        """This run: a unit of work that is more than a run has it as a field."""
        return self


class Outcome(BaseModel):
    """How a unit ended, as far as its executor can tell; the store has the last word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    kind: Literal["recorded", "failed", "lost", "not_begun", "out_of_memory"]
    """A record was written; an exception was recorded as a failed attempt; the worker is gone without a word, or had
    to be ended; its process could not begin with it; or memory ran out, which is recorded as a failed attempt, too."""
    message: str = ""
    epoch: int = 0
    """Finished epochs of a lost one, as far as they are known."""
    apart: bool = False
    """Of one that memory ran out of: whether its executor sees to it that nothing is beside it the next time."""
