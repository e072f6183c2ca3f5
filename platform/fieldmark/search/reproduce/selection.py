"""Which published values and figures a command asks for, and which data they need."""

from collections.abc import Mapping
from dataclasses import dataclass

from fieldmark.papers import configuration, measurements, rows
from fieldmark.papers.figure_runs import figure_runs
from fieldmark.papers.measurement import Measurement
from fieldmark.papers.row_selector import select
from fieldmark.search.reproduce.options import ReproduceOptions
from fieldmark.search.reproduce.sources import specs

PRIORSNET_DATA = "iNat2021-mini"
"""What Table S2 was measured on."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is asked for."""

    asked: tuple[Measurement, ...]
    """Values to measure, those without data among them; S2's PriorsNet rows are none of them."""
    figures: tuple[str, ...]
    drawn: tuple[str, ...]
    """Data sets that these figures are drawn from."""
    priors_rows: tuple[int, ...]
    """Table S2's PriorsNet rows that are asked for."""
    specs: Mapping[str, str]
    """Published data set to the data that are at hand for it, whatever is asked for: they name the reproduction."""

    @property
    def priorsnet(self) -> bool:
        """Whether any of Table S2's PriorsNet rows is asked for."""
        return bool(self.priors_rows)

    @property
    def cells(self) -> tuple[str, ...]:
        """The values that can be measured."""
        return tuple(one.cell for one in self.asked if one.dataset in self.specs)

    def missing(self) -> list[str]:
        """Returns a line for each data set that is asked for and not at hand."""
        wanted = dict.fromkeys([*(one.dataset for one in self.asked), *self.drawn])
        if self.priorsnet:
            wanted.setdefault(PRIORSNET_DATA)
        return [f"{name}: not at hand, name it with --data {name}=SPEC" for name in wanted if name not in self.specs]


def select_work(options: ReproduceOptions) -> Selection:
    """Returns what the flags ask for.

    Raises:
        UserError: --rows that name no row, --data that name no data set.
    """
    scale = options.scale
    chosen = select(options.tables, options.rows)
    every = [one for table in options.tables for one in measurements(table, scale)]
    asked = tuple(one for one in every if chosen(one.table, one.row, one.dataset))
    priors = [row.row for row in rows("S2") if configuration(row) is not None] if "S2" in options.tables else []
    priors_rows = tuple(row for row in priors if chosen("S2", row, PRIORSNET_DATA))
    drawn = tuple(one.dataset for one in figure_runs(scale) if one.figure in options.figures)
    return Selection(asked=asked, figures=options.figures, drawn=drawn, priors_rows=priors_rows, specs=specs(options))
