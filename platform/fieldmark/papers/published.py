"""Every number the two papers print, one value a row and metric, each with the doubts known about it."""

import math
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from fieldmark.errors import UserError
from fieldmark.papers._resources import load
from fieldmark.papers.datasets import test_images

PAPERS = {
    "dynamic_mlp_supplement": "Yang et al. 2022, supplement of Dynamic MLP for Fine-Grained Image Classification",
    "cui2018": "Cui et al. 2018, Large Scale Fine-Grained Categorization and Domain-Specific Transfer Learning",
}
TABLES = {
    **dict.fromkeys(("S1", "S2", "S3", "S4", "S5", "S6"), "dynamic_mlp_supplement"),
    **dict.fromkeys(("1", "2", "3", "4", "5", "6", "7", "8"), "cui2018"),
}
"""Table to the paper it stands in."""

Kind = Literal["result", "citation", "fact"]


class PublishedRow(BaseModel):
    """One printed value: a row of a table under one metric."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: str
    table: str
    row: int
    """From 1, in the order of print."""
    dataset: str | None
    """What the value was scored on; None for counts and facts."""
    model: str
    method: str | None
    keys: dict[str, Any]
    """The settings printed beside the value."""
    metric: str
    value: float | None
    """None where a dash is printed."""
    unit: str
    """`%` for accuracies and errors: a percentage, not a fraction."""
    kind: Kind
    """A result of the paper, a citation of somebody else's (never planned as a run), or a fact."""
    footnotes: tuple[str, ...] = ()
    allowed: bool = True
    """False where the paper itself calls the comparison not permitted."""
    printed_gain: float | None = None
    """The gain printed in brackets, in points."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is the better one."""
        return not self.metric.endswith("_error")

    @property
    def standard_error(self) -> float | None:
        """The value's own standard error in points, sqrt(p(1-p)/n), or None where n or the value is unknown."""
        images = test_images(self.dataset)
        if images is None or self.value is None or self.unit != "%":
            return None
        share = self.value / 100
        return 100 * math.sqrt(share * (1 - share) / images)


def _file(table: str) -> dict[str, Any]:
    if table not in TABLES:
        raise UserError(f"no table {table!r}; the published tables are {', '.join(TABLES)}")
    stem = table if table.startswith("S") else f"T{table}"
    content: dict[str, Any] = load(f"{TABLES[table]}.{stem}")
    return content


def table_title(table: str) -> str:
    """Returns in a few words what the table compares.

    Raises:
        UserError: there is no such table.
    """
    return str(_file(table)["title"])


@cache
def rows(table: str, paper: str | None = None) -> tuple[PublishedRow, ...]:
    """Returns a table's printed values in the order of print.

    Args:
        table: `S1` to `S6` (Dynamic MLP, supplement) or `1` to `8` (Cui et al.).
        paper: a key of `PAPERS`, checked when given.

    Raises:
        UserError: there is no such table, or not in that paper.
    """
    content = _file(table)
    if paper not in (None, content["paper"]):
        raise UserError(f"table {table} stands in {content['paper']}, not in {paper}")
    texts = content["footnotes"]
    return tuple(
        PublishedRow.model_validate(
            {
                **record,
                "paper": content["paper"],
                "table": content["table"],
                "model": record["model"] or "",
                "footnotes": tuple(texts[name] for name in record["footnotes"]),
            }
        )
        for record in content["records"]
    )
