"""A reproduction as work: which units measure what, and in which order they can be done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fieldmark.search.image_task import ImageTask
from fieldmark.search.reproduce.selection import Selection
from fieldmark.search.reproduce.sources import Source
from fieldmark.search.tasks import Task
from fieldmark.tables.reproduction import ReproductionPlan


class Bound(NamedTuple):
    """A world's Bayes classifier as a run."""

    task: Task
    source: Source


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A plan with the units of work that it consists of."""

    plan: ReproductionPlan
    units: Mapping[str, ImageTask]
    """By run id; a run that others start from stands before them."""
    cells: Mapping[str, tuple[str, ...]]
    """Cell to the runs that it needs, those that they start from among them."""
    figures: Mapping[str, tuple[str, ...]]
    """Figure to the runs that it needs."""
    bounds: Mapping[str, Bound]
    """Cell to the world's Bayes classifier beside which it stands."""
    scores_of_s2: str | None
    """The image-only run whose scores Table S2's priors are multiplied with; None without its data."""

    def needed(self, selection: Selection) -> list[ImageTask]:
        """Returns the units that are needed for what is asked, in an order in which they can be done."""
        wanted = {run for cell in selection.cells for run in self.cells[cell]}
        wanted |= {run for name in selection.figures for run in self.figures.get(name, ())}
        if selection.priorsnet and self.scores_of_s2 is not None:
            wanted.add(self.scores_of_s2)
        return [unit for run, unit in self.units.items() if run in wanted]
