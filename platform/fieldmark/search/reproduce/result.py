"""What a reproduction hands back."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from fieldmark.config import ScaleName
from fieldmark.search.result import FailedRun


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
    interrupted: bool
    budget_spent: bool

    def to_json(self) -> dict[str, Any]:
        """Returns the object that `--json` prints."""
        return self.model_dump(mode="json")
