"""How PriorsNet stands to the baselines, in plain sentences."""

from collections.abc import Iterator, Sequence

from fieldmark.tables import numbers
from fieldmark.tables.settings_model import SettingRow
from fieldmark.tables.statistics import Difference, holm

ALPHA = 0.05


def verdict_sentences(rows: Sequence[SettingRow], score: str) -> list[str]:
    """Returns a sentence for every confirmed setting, test having no say; without one, for the highest, which it says.

    Args:
        rows: all rows of the table.
        score: the score source that is spoken of.
    """
    own = [row for row in rows if (row.score, row.method, row.permitted) == (score, "priorsnet", True)]
    if not own:
        return [f"{score}: no PriorsNet setting was run."]
    fresh = [row for row in own if row.role == "confirmation" and not row.superseded]
    said = fresh or [max(own, key=lambda row: row.metrics["top1"].mean)]
    p_values = iter(holm([one.p_value for row in said for _, one in _comparisons(row)]))
    how = f"the highest of {len(own)} on test, which flatters it"
    return [_sentence(row, score, "on fresh seeds" if fresh else how, p_values) for row in said]


def _sentence(row: SettingRow, score: str, how: str, p_values: Iterator[float]) -> str:
    loss = f"{row.config.get('loss', 'exact')} loss, " if row.role == "confirmation" else ""
    text = f"{score}: PriorsNet ({row.label}; {loss}{how}) has {100 * row.metrics['top1'].mean:.2f} % top-1"
    parts = [_compared(name, found, next(p_values)) for name, found in _comparisons(row)]
    return f"{text}: {' and '.join(parts)}." if parts else f"{text}."


def _comparisons(row: SettingRow) -> list[tuple[str, Difference]]:
    against = (("class frequency", row.to_class_frequency), ("nearest neighbours", row.to_nearest_neighbours))
    return [(name, found) for name, found in against if found is not None]


def _compared(name: str, difference: Difference, p_value: float) -> str:
    size = f"{numbers.points(difference)} points, Holm p {_p(p_value)}"
    if p_value >= ALPHA:
        return f"it cannot be told from {name} ({size})"
    return f"it {'beats' if difference.value > 0 else 'loses to'} {name} ({size})"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"
