"""What Table S1's ensemble consists of: its members are chosen on tune, seed by seed (SCIENCE rule 5)."""

from collections.abc import Sequence

from fieldmark.tables.reproduced.lines import Line
from fieldmark.tables.reproduced.reading import Reading, Value


def ensemble_sentences(lines: Sequence[Line], values: dict[str, Value], reading: Reading) -> list[str]:
    """Returns for every measured ensemble which rows are in it."""
    return [
        _sentence(line, values[line.cell], lines, reading)
        for line in lines
        if line.measurement.ensemble_above is not None and line.cell in values
    ]


def _sentence(line: Line, value: Value, lines: Sequence[Line], reading: Reading) -> str:
    above = 100 * (line.measurement.ensemble_above or 0.0)
    rows = {run.test: one.printed.row for one in lines if one.planned is not None for run in one.planned.runs}
    members = {run.seed: sorted({rows[one] for one in reading.members(run) if one in rows}) for run in value.runs}
    if len({tuple(found) for found in members.values()}) == 1:
        seeds = f"{_listed(next(iter(members.values())))} for every seed"
    else:
        seeds = "; ".join(f"{_listed(found)} for seed {seed}" for seed, found in members.items())
    return f"The ensemble averages the probabilities of the rows above {above:g} % on tune: {seeds}."


def _listed(rows: Sequence[int]) -> str:
    if len(rows) > 2 and rows[-1] - rows[0] == len(rows) - 1:
        return f"rows {rows[0]} to {rows[-1]}"
    return f"row{'s' * (len(rows) != 1)} {', '.join(map(str, rows))}"
