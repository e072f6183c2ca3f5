"""Which published accuracies `--rows` means, e.g. `1-4,7` of one table, or `S3:1:iNat2018 S6:2` of several."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fieldmark.errors import UserError
from fieldmark.papers.measurements import MEASURED, published_accuracies
from fieldmark.papers.published import PublishedRow

ALL = "all"
_NUMBERS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")


@dataclass(frozen=True, slots=True)
class ChosenRows:
    """Some of the published accuracies; called with a table, a row and a data set it says whether that is one."""

    cells: tuple[str, ...]
    """Their names, `TABLE:ROW:DATASET` as `Measurement.cell`, in print order, each once."""

    def __call__(self, table: str, row: int, dataset: str) -> bool:
        """Whether this accuracy is among them."""
        return f"{table}:{row}:{dataset}" in self.cells


def select(tables: str | Sequence[str], rows: str | None = None) -> ChosenRows:
    """Returns the accuracies that are meant, those of Table S2's PriorsNet rows among them.

    Args:
        tables: some of `MEASURED`, or `all`.
        rows: None or empty for all; else parts with blanks between them, each `[TABLE:]ROWS[:DATASET]`, e.g. `1-4,7`,
            `S3:1-4 S6:2`, `S3:1:iNat2018`. The table may be left out where there is one only.

    Raises:
        UserError: naming what there is.
    """
    asked = (tables,) if isinstance(tables, str) else tuple(tables)
    for name in asked:
        if name not in (ALL, *MEASURED):
            raise UserError(f"table {name}: expected {ALL} or one of {', '.join(MEASURED)}")
    meant = tuple(name for name in MEASURED if name in asked or ALL in asked)
    parts = (rows or "").split()
    wanted = {cell for part in parts for cell in _named(part, meant)}
    cells = (_cell(row) for name in meant for row in published_accuracies(name))
    return ChosenRows(tuple(cell for cell in cells if not parts or cell in wanted))


def _named(part: str, tables: tuple[str, ...]) -> Iterator[str]:
    fields = part.split(":")
    if _NUMBERS.fullmatch(fields[0]) and len(tables) == 1:
        fields = [tables[0], *fields]
    if not 2 <= len(fields) <= 3 or not _NUMBERS.fullmatch(fields[1]):
        raise UserError(f"--rows {part}: expected [TABLE:]ROWS[:DATASET], e.g. S3:1-4,7 or S3:1:iNat2018")
    if fields[0] not in tables:
        raise UserError(f"--rows {part}: expected a row of {' or '.join(tables)}")
    there = published_accuracies(fields[0])
    last = max(row.row for row in there)
    for number in _numbers(fields[1]):
        found = [row for row in there if row.row == number and fields[2:] in ([], [row.dataset])]
        if not found:
            datasets = " and ".join(dict.fromkeys(str(row.dataset) for row in there))
            raise UserError(f"--rows {part}: table {fields[0]} has rows 1-{last}, on {datasets}")
        yield from map(_cell, found)


def _numbers(text: str) -> Iterator[int]:
    for item in text.split(","):
        first, _, last = item.partition("-")
        if int(last or first) < int(first):
            raise UserError(f"--rows {text}: expected the smaller number first in {item}")
        yield from range(int(first), int(last or first) + 1)


def _cell(row: PublishedRow) -> str:
    return f"{row.table}:{row.row}:{row.dataset}"
