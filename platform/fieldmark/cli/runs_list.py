"""The table that `fieldmark runs` prints: whole in a pipe or file, as wide as the window on a terminal."""

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = ("run_id", "method", "dataset", "scale", "seed", "status", "role", "top1", "log_loss", "seconds", "sweep")
NUMBERS = ("seed", "top1", "log_loss", "seconds")
SETTINGS = ("config.fusion", "config.information", "config.resolution")
"""What tells runs of one method apart."""
EXPENDABLE = ("sweep", "seconds", "role", "scale", "log_loss")
"""Left out one after the other where a terminal is too narrow."""
SHORTENED = ("dataset", "method")
"""Cut where that is not enough, to no less than `LEAST` letters."""
LEAST = 8


def print_runs(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints a line a run.

    Args:
        rows: in their order, with `COLUMNS` and `SETTINGS`.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    cells = {name: [name, *(_cell(name, row) for row in rows)] for name in COLUMNS}
    left_out = [] if width is None else _fit(cells, width)
    for line in zip(*(_aligned(name, texts) for name, texts in cells.items()), strict=True):
        print("  ".join(line).rstrip())
    note = f"{len(rows)} runs; top1 and log_loss are the sweep's view on tune. `fieldmark runs show ID` shows one."
    if left_out:
        note += f" Not shown, as the window is narrow: {', '.join(left_out)}."
    print(note if width is None else textwrap.fill(note, width, break_on_hyphens=False))


def _fit(cells: dict[str, list[str]], width: int) -> list[str]:
    """Leaves columns out, then shortens texts, until the table is no wider than that; returns what was left out."""
    left_out: list[str] = []
    for name in EXPENDABLE:
        if _width(cells) <= width:
            return left_out
        del cells[name]
        left_out.append(name)
    for name in SHORTENED:
        most = max(LEAST, _longest(cells[name]) - max(0, _width(cells) - width))
        cells[name] = [text if len(text) <= most else text[: most - 1] + "…" for text in cells[name]]
    return left_out


def _width(cells: Mapping[str, Sequence[str]]) -> int:
    return sum(map(_longest, cells.values())) + 2 * (len(cells) - 1)


def _longest(texts: Sequence[str]) -> int:
    return max(map(len, texts))


def _aligned(name: str, texts: Sequence[str]) -> list[str]:
    width = _longest(texts)
    return [text.rjust(width) if name in NUMBERS else text.ljust(width) for text in texts]


def _cell(name: str, row: Mapping[str, Any]) -> str:
    value = row[name]
    if value is None:
        return "–"
    if name == "method":
        return _method(row)
    if name in ("run_id", "sweep"):
        return str(value)[:10]
    return f"{value:.4f}" if name in ("top1", "log_loss") else f"{value:.1f}" if name == "seconds" else str(value)


def _method(row: Mapping[str, Any]) -> str:
    """Returns the method, and which of its kind: a fusion, or a bound's information and resolution."""
    method = str(row["method"])
    if method in ("classifier", "frozen"):
        return f"{method}:{row['config.fusion']}"
    if method == "bayes":
        return f"{method}:{row['config.information']}@{row['config.resolution']}px"
    return method
