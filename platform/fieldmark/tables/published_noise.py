"""What Table S2's own rows say about seed noise (SCIENCE rule 11)."""

from fieldmark.papers import PublishedRow, configuration, rows
from fieldmark.tables.statistics import OneWay, one_way


def _cell(row: PublishedRow) -> tuple[int, float] | None:
    """Returns batch and rate of a permitted PriorsNet row, else None."""
    config = configuration(row)
    return (config.batch, config.lr) if config is not None and row.allowed else None


def pooled_analysis() -> OneWay:
    """Pools the sampler settings, which cannot matter on 50 images a category, within the three batch/rate cells."""
    cells: dict[tuple[int, float], list[float]] = {}
    for row in rows("S2"):
        cell = _cell(row)
        if cell is not None and row.value is not None:
            cells.setdefault(cell, []).append(row.value)
    return one_way(list(cells.values()))


def pooled_sentence() -> str:
    """Returns the sentence that stands under Table S2, computed from the printed rows."""
    found = pooled_analysis()
    seen = "neither effect is visible" if found.p > 0.05 else "the effect of batch and rate is visible"
    return (
        "Published rows: pooling the sampler settings within the three batch/learning-rate cells (row 9 read as batch "
        f"4096) gives a seed standard deviation of {found.std:.3f} points on {found.freedom} degrees of freedom and "
        f"F = {found.f:.2f} for batch/lr (p = {found.p:.2f}): {seen}."
    )
