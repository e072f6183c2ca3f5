"""A published table beside the results of a reproduction."""

import shlex
from collections.abc import Sequence

import numpy as np

from fieldmark.config import ScaleName
from fieldmark.errors import UserError
from fieldmark.tables.definitions import definition
from fieldmark.tables.limit_note import limit_sentences
from fieldmark.tables.model import ComparisonTable
from fieldmark.tables.remarks import POWER_REACH, difference_sentence, store_flag
from fieldmark.tables.reproduced.comparisons import REFERENCES, Comparison, compare, sentences, summary
from fieldmark.tables.reproduced.ensemble import ensemble_sentences
from fieldmark.tables.reproduced.lines import COLUMNS, Line, lines
from fieldmark.tables.reproduced.reading import Reading
from fieldmark.tables.reproduced.rows import Rows
from fieldmark.tables.reproduction import DataChoice, ReproductionPlan, read_plan
from fieldmark.tables.sources import Results

REPRODUCED = tuple(COLUMNS)
"""The tables that a reproduction measures whole."""
FEW_SEEDS = 5
SCALES: dict[ScaleName, str] = {
    "smoke": "Scale smoke: stand-ins on generated worlds; a demonstration of the method, never a test of a published "
    "number",
    "paper": "Scale paper: the full recipes on the published data",
}
"""The sentence that stands above a table of each scale (SCIENCE rule 16)."""
_HOLM = (
    "Differences are in points of top-1 with 95 % intervals, paired over seeds and test images; p is Holm-corrected "
    "over the {} comparisons made in this table."
)
_FEW = f"Some values have fewer than {FEW_SEEDS} seeds: their intervals say little of the spread over seeds."
_SEEDS_VARY = "The image model's seed varies with the run's, so the spread over seeds is that of the whole."


def reproduced_table(
    store: Results, table: str, scale: ScaleName | None = None, *, dataset: str | None = None
) -> ComparisonTable:
    """Joins a table's printed accuracies with the reproduction that a store holds.

    Values of different data sets, scales or views are never set against each other. Without a reproduction there are
    the printed values with the sizes of the models, and the command that measures them.

    Args:
        store: the results.
        table: one of `REPRODUCED`.
        scale: of the reproduction; None takes any.
        dataset: only the lines of this published data set.

    Raises:
        UserError: the table has no column of that data set.
    """
    plan = read_plan(store, scale)
    shown = lines(table, plan, scale or "smoke")
    if dataset is not None:
        names = list(dict.fromkeys(line.measurement.dataset for line in shown))
        shown = [line for line in shown if line.measurement.dataset == dataset]
        if not shown:
            raise UserError(f"--dataset {dataset!r}: table {table} has {', '.join(names)}")
    reading = Reading(store, shown) if plan is not None else None
    made = Rows(shown, plan, reading)
    rows = made.all()
    comparisons = compare(shown, made.values, reading) if reading is not None else []
    smallest = _smallest(comparisons)
    complete, completeness = _completeness(shown, reading)
    closing = _closing(comparisons, smallest, made)
    if table == "S1" and reading is not None:
        closing = [*ensemble_sentences(shown, made.values, reading), *closing]
    if plan is not None:
        closing = [*limit_sentences(store, (plan.plan_id,)), *closing]
    return ComparisonTable(
        table=table,
        title=definition(table).title,
        columns=(*COLUMNS[table], *(("trained",) if any(row.frozen for row in rows) else ())),
        rows=rows,
        header=_header(shown, plan),
        footnotes=made.footnotes.texts,
        closing=tuple(closing),
        summary=summary(table, comparisons),
        scale=plan.scale if plan is not None else None,
        test_records=_common_test_records(made),
        reference=REFERENCES[table],
        minimum_detectable_difference=smallest,
        complete=complete,
        completeness=completeness,
        command=_command(store, table, plan),
    )


def _header(shown: Sequence[Line], plan: ReproductionPlan | None) -> tuple[str, ...]:
    models = {line.printed.model for line in shown}
    found = [f"Model: {models.pop()} throughout"] if len(models) == 1 else []
    if plan is None:
        return tuple(found)
    found.append(SCALES[plan.scale])
    names = dict.fromkeys(line.measurement.dataset for line in shown)
    return (*found, *(_data(name, plan.data.get(name)) for name in names))


def _data(name: str, choice: DataChoice | None) -> str:
    if choice is None:
        return f"{name}: no data at hand"
    card = choice.card
    facts = (
        f"{card.categories:,} categories, fingerprint {card.fingerprint[:8]}; split {card.protocol}, test part, "
        f"{card.counts.get('test', 0):,} records"
    )
    return f"{name}: {choice.spec} stands in ({facts})" if choice.stands_in else f"{name}: {choice.spec} ({facts})"


def _closing(comparisons: Sequence[Comparison], smallest: float | None, made: Rows) -> list[str]:
    if not made.values:
        return []
    compared = sum(one.difference is not None for one in comparisons)
    found = [*sentences(comparisons)] if compared else []
    found += [_HOLM.format(compared)] if compared else []
    found.append(difference_sentence(smallest))
    if min(len(value.runs) for value in made.values.values()) < FEW_SEEDS:
        found.append(_FEW)
    if made.seeds_vary:
        found.append(_SEEDS_VARY)
    return found


def _smallest(comparisons: Sequence[Comparison]) -> float | None:
    errors = [one.difference.error for one in comparisons if one.difference is not None]
    return POWER_REACH * float(np.median(errors)) if errors else None


def _completeness(shown: Sequence[Line], reading: Reading | None) -> tuple[bool, str]:
    if reading is None:
        return False, "no reproduction in this store yet"
    wanted = have = 0
    missing = []
    for line in shown:
        if line.planned is None:
            missing.append(f"{line.name} (no data)")
            continue
        count, seeds = len(reading.recorded(line.planned.runs)), len(line.planned.runs)
        wanted, have = wanted + seeds, have + count
        if count < seeds:
            missing.append(f"{line.name} ({'all' if not count else seeds - count} of {seeds} seeds)")
    text = f"{have} of {wanted} evaluations of {len(shown)} values"
    return not missing, f"{text}; missing: {'; '.join(missing)}" if missing else text


def _common_test_records(made: Rows) -> int | None:
    found = {value.test_records for value in made.values.values()}
    return found.pop() if len(found) == 1 else None


def _command(store: Results, table: str, plan: ReproductionPlan | None) -> str:
    if plan is not None and plan.command:
        return plan.command
    return shlex.join(["fieldmark", "reproduce", table, *store_flag(store.url)])
