"""Which lines of a table are compared, and what the comparisons show together (SCIENCE rule 9)."""

from collections.abc import Sequence
from dataclasses import dataclass

from fieldmark.tables import numbers
from fieldmark.tables.reproduced.lines import Line
from fieldmark.tables.reproduced.reading import Reading, Value
from fieldmark.tables.statistics import Difference, holm

ALPHA = 0.05
REFERENCES = {
    "S1": "row 1",
    "S3": "Dynamic MLP",
    "S4": "Dynamic MLP",
    "S5": "Dynamic MLP",
    "S6": "image-only",
}
"""What the column of differences is taken to: S6 is about what place and date add to the image, S1 about what sizes
and ensembles add to the first row; the others about methods against Dynamic MLP."""
_S1_PAIRS = ((2, 1), (3, 1), (4, 3), (5, 4), (7, 6))
"""Larger and several test sizes on one model; larger training sizes on one backbone."""
_S6_PAIRS = ((4, 1), (4, 2), (4, 3), (2, 1), (3, 1))
_ENSEMBLE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A subject against another line of its data set."""

    subject: Line
    other: Line
    difference: Difference | None = None
    """Subject minus other; None until both are measured, with predictions."""
    p: float | None = None
    """Holm-corrected over all comparisons of the table."""

    @property
    def standing(self) -> str:
        """One of `better`, `worse`, `level`, `open`."""
        if self.difference is None or self.p is None:
            return "open"
        if self.p >= ALPHA:
            return "level"
        return "better" if self.difference.value > 0 else "worse"


def reference_of(line: Line, lines: Sequence[Line]) -> Line | None:
    """Returns the line that another's difference is taken to, or None for that line itself."""
    table, row = line.printed.table, line.printed
    if table in ("S1", "S6"):
        found = next(one for one in lines if one.printed.row == 1 and one.printed.dataset == row.dataset)
    else:
        found = next(one for one in lines if _is_dynamic(one) and _side(one) == _side(line))
    return None if found is line else found


def compare(lines: Sequence[Line], values: dict[str, Value], reading: Reading) -> list[Comparison]:
    """Returns a table's comparisons, corrected over all that could be made."""
    pairs = _pairs(lines, values, reading)
    differences = [
        reading.difference(values[subject.cell], values[other.cell])
        if subject.cell in values and other.cell in values
        else None
        for subject, other in pairs
    ]
    known = [one.p_value for one in differences if one is not None]
    corrected = iter(holm(known))
    return [
        Comparison(subject=subject, other=other, difference=found, p=None if found is None else next(corrected))
        for (subject, other), found in zip(pairs, differences, strict=True)
    ]


def best_on_tune(lines: Sequence[Line], values: dict[str, Value], reading: Reading) -> Line | None:
    """Returns the line that did best on tune, ensembles aside; None until one was judged there."""
    judged = [
        (top1, line)
        for line in lines
        if line.measurement.ensemble_above is None
        and line.cell in values
        and (top1 := reading.tune_top1(values[line.cell])) is not None
    ]
    return max(judged, key=lambda one: one[0])[1] if judged else None


def sentences(comparisons: Sequence[Comparison]) -> list[str]:
    """Returns a sentence for every subject: what it is better than, worse than, and not significantly better than."""
    subjects = list(dict.fromkeys(one.subject.cell for one in comparisons))
    return [_sentence([one for one in comparisons if one.subject.cell == cell]) for cell in subjects]


def summary(table: str, comparisons: Sequence[Comparison]) -> str:
    """Returns the number of comparisons that are significant, in words."""
    made = [one for one in comparisons if one.standing != "open"]
    if not made:
        return "Nothing is compared yet."
    better, worse = (sum(one.standing == standing for one in made) for standing in ("better", "worse"))
    subject = {
        "S1": "Larger or more sizes, or the ensemble,",
        "S6": "Dynamic MLP with more of place and date",
    }.get(table, "Dynamic MLP")
    verb = "are" if table == "S1" else "is"
    text = f"{subject} {verb} significantly better in {better} of {len(made)} comparisons"
    left = f"; {len(comparisons) - len(made)} are still to be made" if len(made) < len(comparisons) else ""
    return f"{text}{f', significantly worse in {worse}' if worse else ''}{left}."


def name(line: Line) -> str:
    """Returns what a line is called in a sentence."""
    row, keys = line.printed, line.printed.keys
    if row.table == "S1":
        if line.measurement.ensemble_above is not None:
            return "the ensemble"
        sizes = keys["r_test"]
        test = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
        return f"row {row.row} ({row.model}, train {keys['r_train']}, test {test})"
    if row.table == "S6" and row.row > 1:
        known = [word for key, word in (("geo", "place"), ("temporal", "date")) if keys[key]]
        return f"{row.method} with {' and '.join(known)}"
    return (row.method or row.model).removesuffix(" (ours)")


def _pairs(lines: Sequence[Line], values: dict[str, Value], reading: Reading) -> list[tuple[Line, Line]]:
    table = lines[0].printed.table
    if table in ("S1", "S6"):
        at = {(line.printed.dataset, line.printed.row): line for line in lines}
        datasets = dict.fromkeys(line.printed.dataset for line in lines)
        rows = _S1_PAIRS if table == "S1" else _S6_PAIRS
        pairs = [(at[dataset, one], at[dataset, other]) for dataset in datasets for one, other in rows]
        if table == "S1":
            pairs += [(at[dataset, _ENSEMBLE], _rival(lines, values, reading)) for dataset in datasets]
        return pairs
    subjects = [line for line in lines if _is_dynamic(line)]
    return [(one, other) for one in subjects for other in lines if other is not one and _side(other) == _side(one)]


def _rival(lines: Sequence[Line], values: dict[str, Value], reading: Reading) -> Line:
    """Returns what the ensemble must beat: the best single line on tune, the printed best until one was judged."""
    single = [line for line in lines if line.measurement.ensemble_above is None]
    return best_on_tune(lines, values, reading) or max(single, key=lambda line: line.printed.value or 0.0)


def _is_dynamic(line: Line) -> bool:
    return (line.printed.method or "").startswith("Dynamic MLP")


def _side(line: Line) -> tuple[str | None, str]:
    return line.printed.dataset, line.printed.model


def _sentence(own: Sequence[Comparison]) -> str:
    subject = own[0].subject
    parts = []
    for standing, words in (
        ("better", "significantly better than"),
        ("worse", "significantly worse than"),
        ("level", "not significantly better than"),
        ("open", "not compared yet with"),
    ):
        found = [_against(one) for one in own if one.standing == standing]
        if found:
            parts.append(f"{words} {', '.join(found)}")
    called = name(subject)
    row = subject.printed
    head = "" if row.table == "S1" else f"{row.dataset}, {row.model}: "
    return f"{head}{called if head else called[0].upper() + called[1:]} is {'; '.join(parts)}."


def _against(one: Comparison) -> str:
    if one.difference is None or one.p is None:
        return name(one.other)
    p = "p < 0.001" if one.p < 0.001 else f"p = {one.p:.2g}"
    return f"{name(one.other)} ({numbers.points(one.difference)} points, {p})"
