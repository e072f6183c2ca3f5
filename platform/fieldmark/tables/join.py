"""Joins published rows with measured ones and adds the measured references."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fieldmark.config import PriorsNetConfig
from fieldmark.papers import PublishedRow, test_images
from fieldmark.tables.choices import CHOSEN, FRESH, SUPERSEDED, Choice
from fieldmark.tables.context import BASELINES, NOT_CHOSEN, PUBLISHED_SCORE, Context
from fieldmark.tables.definitions import keys
from fieldmark.tables.evidence import Measured
from fieldmark.tables.labels import NAMES, paper_units
from fieldmark.tables.model import (
    NOT_MEASURED,
    NOT_PERMITTED,
    OTHER_DATA,
    OTHER_SCORES,
    PUBLISHED_ONLY,
    ComparisonRow,
    Kind,
)
from fieldmark.tables.reproduced.row_11 import ROW as ROW_11
from fieldmark.tables.reproduced.row_11 import measured_row_11
from fieldmark.tables.selection import SAMPLED
from fieldmark.tables.statistics import reproduction, summarise

STAGE_HELD = "One image classifier for all seeds: their spread is the prior's alone and understates that of the whole."
SEEDED = ("priorsnet", "tang", "image_only")
"""Methods whose numbers depend on a seed."""
ONE_SEED = "One seed: no spread can be given."
CORRECTED_SCORE = "product_corrected"
CORRECTED = (
    "Corrected score, not the published one: the loss counts a presence lambda times as much as an absence, which "
    "drives the sigmoid towards 1. Here log lambda is taken off the logit before the sigmoid, and the scores are "
    "normalised, so that the prior does not saturate where it multiplies the image scores."
)
UNCONFIRMED = "No setting was confirmed on fresh seeds: this is the published row with the best top-1 on tune."


def published_rows(context: Context) -> list[ComparisonRow]:
    """Returns the published rows in the order of print, measured where they were run."""
    rows = [_published(context, row) for row in context.wanted.rows]
    return [_reproduced(context, row) if row.row == ROW_11 and context.with_images else row for row in rows]


def _reproduced(context: Context, row: ComparisonRow) -> ComparisonRow:
    """Returns row 11, no prior but a classifier, with what a reproduction on the same data measured."""
    return measured_row_11(context.store, row, context.card, context.scale.name, context.footnotes)


def _published(context: Context, row: PublishedRow) -> ComparisonRow:
    found = context.found(row.row)
    way, measured = found if found is not None else (None, None)
    texts = list(row.footnotes)
    if way is not None:
        texts += [*_identical(context, row), *([way.note] if way.note else [])]
    measured_fields: dict[str, Any] = {}
    if measured is not None:
        texts += notes(measured)
        measured_fields = measured_values(context, measured)
    if measured is not None and context.same_data and context.same_image_scores and row.value is not None:
        measured_fields["difference_published"] = measured_fields["metrics"]["top1"].mean - row.value / 100
    return ComparisonRow(
        kind="published" if row.allowed else "apart",
        row=row.row,
        keys=keys(row),
        published=row.value,
        published_unit=row.unit,
        published_error=row.standard_error,
        config_id=way.config.config_id if way is not None else None,
        config=way.config.model_dump(mode="json") if way is not None else None,
        verdict=_verdict(context, row, way is not None, measured),
        footnotes=context.footnotes.mark(*texts),
        **measured_fields,
    )


def _identical(context: Context, row: PublishedRow) -> list[str]:
    """Returns the remark that a row is the same setting as others here, if it is."""
    ways = context.planned[row.row]
    alike = [number for number, others in context.planned.items() if others[0].config == ways[0].config]
    if len(alike) == 1:
        return []
    named = ", ".join(map(str, alike[:-1])) + f" and {alike[-1]}"
    return [f"Rows {named} are one setting here, run once: on this data the cap never binds."]


def _verdict(context: Context, row: PublishedRow, runnable: bool, measured: Measured | None) -> str:
    if not row.allowed:
        return NOT_PERMITTED
    if context.wanted.configuration is not None and not runnable:
        return PUBLISHED_ONLY
    if measured is None or row.value is None:
        return NOT_MEASURED
    if not context.same_data:
        return OTHER_DATA
    if not context.same_image_scores:
        return OTHER_SCORES
    images = test_images(row.dataset)
    assert images is not None, row
    return reproduction(summarise(measured.metrics["top1"]), row.value / 100, images).verdict


def notes(measured: Measured) -> list[str]:
    """Returns what a reader must know of these seeds (SCIENCE rule 12 among it)."""
    texts = list(measured.notes)
    if measured.record.spec.config.method not in SEEDED:
        return texts
    if measured.n == 1:
        texts.append(ONE_SEED)
    elif "image_scores" in measured.record.spec.stages:
        texts.append(STAGE_HELD)
    return texts


def measured_values(context: Context, measured: Measured) -> dict[str, Any]:
    """Returns the measured fields of a row: metrics over seeds, and what it does beside the reference."""
    fields: dict[str, Any] = {
        "metrics": {name: summarise(values) for name, values in measured.metrics.items()},
        "parameters": measured.record.parameters or None,
        "seconds": measured.seconds or None,
        "share_of_bound": share_of_bound(context, measured),
    }
    reference = context.reference
    if reference is not None and reference.config_id != measured.config_id:
        fields["difference"] = context.difference(measured, reference)
        fields["turned_right"], fields["turned_wrong"] = _harm(context, measured, reference)
    return fields


def share_of_bound(context: Context, measured: Measured) -> float | None:
    """Returns the gain over the reference as a share of the bound's gain; None where the bound allows none."""
    reference, bound = context.reference, context.bound
    if reference is None or bound is None:
        return None
    start, end = _top1(reference), _top1(bound)
    return (_top1(measured) - start) / (end - start) if end > start else None


def _top1(measured: Measured) -> float:
    return summarise(measured.metrics["top1"]).mean


def _harm(context: Context, measured: Measured, reference: Measured) -> tuple[float | None, float | None]:
    """Returns images turned right and turned wrong by a run, averaged over runs (SCIENCE rule 14)."""
    hits_SN, base_RN = context.predictions.hits(measured), context.predictions.hits(reference)
    if hits_SN is None or base_RN is None:
        return None, None
    gain_SN = hits_SN - base_RN.mean(axis=0)
    return float(np.maximum(gain_SN, 0).sum(axis=1).mean()), float(np.maximum(-gain_SN, 0).sum(axis=1).mean())


def reference_rows(context: Context) -> list[ComparisonRow]:
    """Returns image-only, the bound, the chosen setting on fresh seeds, and the baselines under the table's score."""
    rows = []
    image = context.first(("image_only",), "image")
    if image is not None or context.wanted.reference is not None:
        rows.append(_image_only(context, image))
    if (bound := context.bound) is not None:
        rows.append(_measured_row(context, "bound", bound))
    rows += [_chosen(context, choice) for choice in context.choices]
    rows += _corrected(context)
    ids = context.evidence.settings(BASELINES, context.score)
    found = (context.evidence.measured(config_id, context.score) for config_id in ids)
    baselines = sorted((one for one in found if one is not None), key=_top1, reverse=True)
    return [*rows, *(_measured_row(context, "baseline", one) for one in baselines)]


def _image_only(context: Context, image: Measured | None) -> ComparisonRow:
    published = context.wanted.reference
    return ComparisonRow(
        kind="reference",
        keys={"method": "image only"},
        published=published.value if published is not None else None,
        published_error=published.standard_error if published is not None else None,
        verdict="reference" if image is not None else NOT_MEASURED,
        footnotes=context.footnotes.mark(
            *([f"Published image-only value: Table {published.table}, {published.model}."] if published else []),
            *(notes(image) if image is not None else []),
        ),
        **({} if image is None else _plain_values(image)),
    )


def _chosen(context: Context, choice: Choice) -> ComparisonRow:
    texts = (SUPERSEDED if choice.superseded else CHOSEN,)
    name = "chosen on tune earlier" if choice.superseded else "chosen on tune"
    return _measured_row(context, "search", choice.measured, name, texts)


def _corrected(context: Context) -> list[ComparisonRow]:
    """Returns the chosen setting with the score corrected for the loss's weight, for data with images (rule 3)."""
    if context.score != PUBLISHED_SCORE:
        return []
    found: list[tuple[str, str, tuple[str, ...], str]]
    current = [choice.measured for choice in context.choices if not choice.superseded]
    if current:
        found = [(one.config_id, "chosen on tune, corrected score", FRESH, CHOSEN) for one in current]
    else:
        found = [
            (best.config_id, f"row {number}, corrected score", NOT_CHOSEN, UNCONFIRMED)
            for number, best in best_published(context)
        ]
    rows = []
    for config_id, name, roles, text in found:
        measured = context.evidence.measured(config_id, CORRECTED_SCORE, roles)
        if measured is not None:
            rows.append(_measured_row(context, "corrected", measured, name, (CORRECTED, text)))
    return rows


def best_published(context: Context) -> list[tuple[int, Measured]]:
    """Returns the permitted published row that did best on tune, test having no say; none where none was judged."""
    judged = []
    for row in context.wanted.rows:
        _, measured = context.found(row.row) or (None, None)
        value = context.evidence.tune_top1(measured) if measured is not None else None
        if row.allowed and measured is not None and value is not None:
            judged.append((value, row.row, measured))
    judged.sort(key=lambda one: (-one[0], one[1]))
    return [(number, measured) for _, number, measured in judged[:1]]


def _measured_row(
    context: Context, kind: Kind, measured: Measured, name: str = "", said: Sequence[str] = ()
) -> ComparisonRow:
    config = measured.record.spec.config
    texts = [*(notes(measured) if name else measured.notes), *said]
    texts += [SAMPLED] if getattr(config, "loss", "") == "sampled" else []
    values = _plain_values(measured) if kind == "bound" else measured_values(context, measured)
    return ComparisonRow(
        kind=kind,
        keys={"method": name or NAMES[config.method], **_settings(measured)},
        config_id=config.config_id,
        config=config.model_dump(mode="json"),
        verdict="",
        footnotes=context.footnotes.mark(*texts),
        **values,
    )


def _plain_values(measured: Measured) -> dict[str, Any]:
    return {
        "metrics": {name: summarise(values) for name, values in measured.metrics.items()},
        "parameters": measured.record.parameters or None,
        "seconds": measured.seconds or None,
    }


def _settings(measured: Measured) -> dict[str, Any]:
    """Returns the setting of a row that the search found, in the paper's units; other methods' own figures as run."""
    config, scale = measured.record.spec.config, measured.record.scale
    if not isinstance(config, PriorsNetConfig):
        return {name: value for name, value in config.model_dump(mode="json").items() if name != "method"}
    return paper_units(config, scale)
