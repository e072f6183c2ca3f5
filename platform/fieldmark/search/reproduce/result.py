"""What a reproduction hands back."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import ScaleName
from fieldmark.search.budget.report import Spending
from fieldmark.search.result import FailedRun
from fieldmark.tables.limit_note import LimitNote


class ReproduceResult(BaseModel):
    """A reproduction's end. Fields may be added; none will change its meaning."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    plan: str
    """The reproduction's id."""
    scale: ScaleName
    tables: list[str]
    figures: list[str]
    """Files of the figures that were drawn."""
    new_runs: int
    done_runs: int
    """Recorded before this command."""
    planned_runs: int
    failures: list[FailedRun]
    problems: list[str]
    """What could not be made beside runs: data that are not at hand, ensembles without members, figures."""
    cells: int
    """Published values that are asked for, with Table S2's rows."""
    measured: int
    """Those that have all their seeds."""
    seconds: float
    spending: Spending
    interrupted: bool
    terminated: bool
    """Whether it was interrupted by SIGTERM, as schedulers of clusters send it."""
    cut_off: list[str]
    """Runs that were stopped, and go on from their last checkpoint."""
    budget_spent: bool
    limit: LimitNote | None
    """The limit that has kept runs from being started, and the command that goes on."""

    def to_json(self) -> dict[str, Any]:
        """Returns the object that `--json` prints."""
        return self.model_dump(mode="json")
