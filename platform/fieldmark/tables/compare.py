"""A published table beside what was measured: `fieldmark table S2`."""

from fieldmark.errors import UserError
from fieldmark.tables.bound import bound_sentence
from fieldmark.tables.context import IMAGE_SCORES_WITHIN, Context, open_context
from fieldmark.tables.definitions import Definition, definition, keys
from fieldmark.tables.footnotes import Footnotes
from fieldmark.tables.join import published_rows, reference_rows
from fieldmark.tables.limit_note import limit_sentences, sweeps_on
from fieldmark.tables.model import NOT_MEASURED, NOT_PERMITTED, PUBLISHED_ONLY, ComparisonRow, ComparisonTable
from fieldmark.tables.published_noise import pooled_sentence
from fieldmark.tables.remarks import (
    PRIORS_ONLY,
    command,
    completeness,
    difference_sentence,
    effects_sentence,
    smallest_difference,
    store_flag,
)
from fieldmark.tables.reproduced import REPRODUCED, reproduced_table
from fieldmark.tables.scope import Scope, open_scope
from fieldmark.tables.selection import SCALES
from fieldmark.tables.sources import Results


def comparison_table(
    store: Results,
    table: str,
    *,
    dataset: str | None = None,
    scale: str | None = None,
    score: str | None = None,
    sweep: str | None = None,
) -> ComparisonTable:
    """Joins a published table with the runs of a store.

    Only like is compared with like (SCIENCE rule 8): one data set, protocol, scale and score source, the test part,
    completed runs, one image stage. A verdict on reproduction is given only where the data are those of the paper.

    Args:
        store: the results.
        table: `S1` to `S6` or `1` to `8`; S2 is joined with a sweep's runs, S1 and S3 to S6 with a reproduction's
            (see `reproduced_table`), the others show what was published.
        dataset: a data set's name or the beginning of its fingerprint; None where the store has one. Where a table has
            columns of several data sets: the published one whose lines are shown.
        scale: `smoke` or `paper`; None takes the data set's default.
        score: a score source; None takes `product_raw`, or `prior_raw` for data without image scores.
        sweep: a sweep's id or the beginning of it: data set, scale, image stage and chosen setting are its own; None
            takes the latest runs.

    Raises:
        UserError: there is no such table, data set or scale, or it is not clear which data set is meant.
    """
    wanted = definition(table)
    if scale not in (None, *SCALES):
        raise UserError(f"--scale {scale!r}: expected smoke or paper")
    if table in REPRODUCED:
        if sweep is not None or score is not None:
            raise UserError(f"--{'score' if sweep is None else 'sweep'}: table {table} is not made of a sweep's scores")
        return reproduced_table(store, table, scale, dataset=dataset)
    scope = open_scope(store, dataset, sweep) if wanted.configuration is not None else None
    if scope is None:
        return published_table(store, wanted)
    _check_scale(scope, scale)
    return _joined(open_context(store, wanted, scope, scale, score))


def _check_scale(scope: Scope, scale: str | None) -> None:
    if scope.sweep and scope.scale is not None and scale not in (None, scope.scale.name):
        raise UserError(f"--scale {scale}: sweep {scope.sweep[:8]} ran at scale {scope.scale.name}")


def _joined(context: Context) -> ComparisonTable:
    card = context.card
    rows = [*published_rows(context), *reference_rows(context)]
    complete, line = completeness(context)
    smallest = smallest_difference(context)
    remarks = [pooled_sentence(), effects_sentence(context), bound_sentence(context), difference_sentence(smallest)]
    return ComparisonTable(
        table=context.wanted.table,
        title=context.wanted.title,
        columns=context.wanted.columns,
        rows=tuple(rows),
        header=_header(context),
        footnotes=context.footnotes.texts,
        closing=(*_stopped(context), *(remark for remark in remarks if remark)),
        summary=effects_sentence(context) or "",
        dataset=card.name,
        fingerprint=card.fingerprint,
        protocol=card.protocol,
        scale=context.scale.name,
        score=context.score,
        test_records=card.counts.get("test"),
        reference="image only" if context.with_images else "class frequency",
        minimum_detectable_difference=smallest,
        complete=complete,
        completeness=line,
        command=command(context),
    )


def _header(context: Context) -> tuple[str, ...]:
    card = context.card
    scale = context.scale.describe()
    lines = [
        f"Data: {card.name} ({card.categories:,} categories, fingerprint {card.fingerprint[:8]}); "
        f"split {card.protocol}, test part, {card.counts.get('test', 0):,} records; score {context.score}",
        scale[0].upper() + scale[1:],
    ]
    if not context.same_data:
        lines.append(
            f"Published values were measured on {context.wanted.dataset}: they stand beside the measured ones for "
            "orientation and are not compared with them"
        )
    elif not context.same_image_scores:
        lines.append(_other_image_scores(context.image_scores_gap))
    if not context.with_images:
        lines.append(PRIORS_ONLY)
    return (*lines, *card.notes)


def _stopped(context: Context) -> tuple[str, ...]:
    """Returns why runs are missing: the limits at which the table's sweeps have stopped."""
    sweep, card = context.scope.sweep, context.card
    sweeps = (sweep,) if sweep else sweeps_on(context.store, card.fingerprint, card.protocol)
    return limit_sentences(context.store, sweeps)


def _other_image_scores(gap: float | None) -> str:
    start = "Not compared with the published values, which start from other image scores: here image-only"
    if gap is None:
        return f"{start} was not measured"
    return f"{start} is {gap:+.2f} points from the published top-1, beyond the {IMAGE_SCORES_WITHIN:g} point allowed"


def published_table(store: Results, wanted: Definition) -> ComparisonTable:
    """Returns the printed rows alone, and the command that measures them in this store."""
    footnotes = Footnotes()
    runnable = wanted.configuration is not None
    rows = tuple(
        ComparisonRow(
            kind="published" if row.allowed else "apart",
            row=row.row,
            keys=keys(row),
            published=row.value,
            published_unit=row.unit,
            published_error=row.standard_error,
            verdict=_open_verdict(wanted, row.kind, row.allowed, row.row),
            footnotes=footnotes.mark(*row.footnotes),
        )
        for row in wanted.rows
    )
    fill = " ".join(["fieldmark sweep priorsnet", *store_flag(store.url)]) if runnable else None
    return ComparisonTable(
        table=wanted.table,
        title=wanted.title,
        columns=wanted.columns,
        rows=rows,
        footnotes=footnotes.texts,
        closing=(pooled_sentence(),) if runnable else (),
        completeness="no runs in this store" if runnable else "published values only: no run of this table exists yet",
        command=fill,
    )


def _open_verdict(wanted: Definition, kind: str, allowed: bool, number: int) -> str:
    if not allowed:
        return NOT_PERMITTED
    if kind != "result":
        return PUBLISHED_ONLY
    row = next(row for row in wanted.rows if row.row == number)
    plannable = wanted.configuration is None or wanted.configuration(row) is not None
    return NOT_MEASURED if plannable else PUBLISHED_ONLY
