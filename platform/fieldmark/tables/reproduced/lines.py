"""The lines of a reproduced table: one for each published accuracy, with what measures it and what its model costs."""

from dataclasses import dataclass
from typing import Any

from fieldmark.config import FrozenConfig, ScaleName
from fieldmark.papers import Measurement, PublishedRow, measurements, published_accuracies, rows
from fieldmark.tables.counts import categories_as_printed, full_size
from fieldmark.tables.definitions import keys
from fieldmark.tables.model import Count
from fieldmark.tables.reproduction import PlannedCell, ReproductionPlan

FROZEN = "frozen backbone"
WHOLE = "whole"
COLUMNS: dict[str, tuple[str, ...]] = {
    "S1": ("model", "r_train", "r_test", "ten_crop_marked"),
    "S3": ("dataset", "method"),
    "S4": ("dataset", "model", "method"),
    "S5": ("dataset", "method"),
    "S6": ("dataset", "method", "geo", "temporal"),
}
"""The keys that tell a table's lines apart."""
_UNITS = {"M": 1e6, "G": 1e9}
_PRINTED = {"parameters": "params", "multiply_adds": "flops"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One published accuracy."""

    printed: PublishedRow
    sizes: dict[str, PublishedRow]
    """The row's printed `parameters` and `multiply_adds`."""
    measurement: Measurement
    planned: PlannedCell | None
    """None without a plan, or without data for it."""

    @property
    def cell(self) -> str:
        """Names the value."""
        return self.measurement.cell

    @property
    def name(self) -> str:
        """Names the line where several of a table are listed: data set and row."""
        return f"{self.printed.dataset} row {self.printed.row}"

    @property
    def frozen(self) -> bool:
        """Whether it is run on a frozen backbone's features."""
        return self.planned is not None and isinstance(self.measurement.config, FrozenConfig)

    def keys(self) -> dict[str, Any]:
        """Returns what tells the line from its neighbours, and how it is trained here."""
        if self.planned is None or self.measurement.config is None:
            return keys(self.printed)
        return {**keys(self.printed), "trained": FROZEN if self.frozen else WHOLE}

    def counts(self, as_run: dict[str, int]) -> dict[str, Count]:
        """Returns printed, full-size and run sizes of the line's model.

        Args:
            as_run: `parameters` and `multiply_adds` of what was run.
        """
        full = self.measurement.full
        size = None if full is None else full_size(full, categories_as_printed(self.measurement))
        found = {
            name: Count(
                published=_in_units(self.sizes.get(name)),
                ours=getattr(size, name, None),
                as_run=as_run.get(name) or None,
            )
            for name in _PRINTED
        }
        return {name: count for name, count in found.items() if count != Count()}

    def notes(self) -> list[str]:
        """Returns what is doubted of the printed values, and how the line is run here where that is planned."""
        texts = [*self.printed.footnotes, *(text for row in self.sizes.values() for text in row.footnotes)]
        return texts + ([_sentence(text) for text in self.measurement.notes] if self.planned is not None else [])


def lines(table: str, plan: ReproductionPlan | None, scale: ScaleName = "smoke") -> list[Line]:
    """Returns a table's lines, data set by data set, in the order of print.

    Args:
        table: S1, S3, S4, S5 or S6.
        plan: what is planned, if anything.
        scale: how a line would be measured that is not planned.
    """
    cells = {cell.measurement.cell: cell for cell in plan.cells} if plan is not None else {}
    wanted = {one.cell: one for one in measurements(table, plan.scale if plan is not None else scale)}
    sizes = {(row.row, name): row for row in rows(table) for name, metric in _PRINTED.items() if row.metric == metric}
    found = []
    for row in published_accuracies(table):
        name = f"{table}:{row.row}:{row.dataset}"
        planned = cells.get(name)
        found.append(
            Line(
                printed=row,
                sizes={kind: sizes[row.row, kind] for kind in _PRINTED if (row.row, kind) in sizes},
                measurement=planned.measurement if planned is not None else wanted[name],
                planned=planned,
            )
        )
    datasets = list(dict.fromkeys(row.dataset for row in published_accuracies(table)))
    return sorted(found, key=lambda line: (datasets.index(line.printed.dataset), line.printed.row))


def _in_units(row: PublishedRow | None) -> float | None:
    return None if row is None or row.value is None else float(round(row.value * _UNITS[row.unit]))


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
