"""Everything the rows of one comparison share: the data set, the scale, the score and the references."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.config import Scale, ScaleName
from fieldmark.papers import test_images
from fieldmark.store.records import DatasetCard
from fieldmark.tables.choices import Choice, choices
from fieldmark.tables.definitions import Definition
from fieldmark.tables.evidence import Evidence, Measured
from fieldmark.tables.footnotes import Footnotes
from fieldmark.tables.predictions import Predictions
from fieldmark.tables.scope import Scope
from fieldmark.tables.selection import SCALES, Candidate, candidates, card_scale, default_scale
from fieldmark.tables.sources import Results
from fieldmark.tables.statistics import Difference, ImageResampler

BASELINES = ("class_frequency", "nearest_neighbours", "radius_neighbours", "grid", "kernel_density", "tang")
PUBLISHED_SCORE = "product_raw"
PRIOR_SCORE = "prior_raw"
IMAGE_SCORES_WITHIN = 1.0
"""Points by which image scores may miss the published image-only value and still stand beside its rows (rule 10)."""

Planned = dict[int, tuple[Candidate, ...]]
"""Row number to the ways of running it."""


NOT_CHOSEN = ("published", "search", "single")
"""Roles of the runs behind a published row: repetitions of the chosen setting have a row of their own."""


@dataclass(kw_only=True)
class Context:
    """What every row is joined with."""

    wanted: Definition
    store: Results
    scope: Scope
    scale: Scale
    score: str
    planned: Planned
    evidence: Evidence
    predictions: Predictions
    footnotes: Footnotes = field(default_factory=Footnotes)
    _resampler: ImageResampler | None = None

    @property
    def card(self) -> DatasetCard:
        """The data set."""
        return self.scope.card

    @property
    def with_images(self) -> bool:
        """Whether the score uses pictures, so that image-only is the reference."""
        return not self.score.startswith("prior")

    @property
    def same_data(self) -> bool:
        """Whether published and measured values stand on the same test part, scale and score (SCIENCE rule 8)."""
        card = self.card
        return (
            plain(card.name) == plain(self.wanted.dataset)
            and self.scale.name == "paper"
            and self.score == PUBLISHED_SCORE
            and card.protocol.partition(":")[0] == "official"
            and card.counts.get("test") == test_images(self.wanted.dataset)
        )

    @cached_property
    def image_scores_gap(self) -> float | None:
        """Returns measured minus published top-1 of the image scores alone, in points; None where either is missing."""
        published, image = self.wanted.reference, self.first(("image_only",), "image")
        if published is None or published.value is None or image is None:
            return None
        return 100 * float(np.mean(image.metrics["top1"])) - published.value

    @property
    def same_image_scores(self) -> bool:
        """Whether the rows start from image scores as good as the published ones, to `IMAGE_SCORES_WITHIN`."""
        return self.image_scores_gap is not None and abs(self.image_scores_gap) <= IMAGE_SCORES_WITHIN

    @cached_property
    def choices(self) -> list[Choice]:
        """Returns the settings chosen on tune, on fresh seeds."""
        return choices(self.evidence, self.scope, self.scale, self.score)

    def found(self, number: int) -> tuple[Candidate, Measured | None] | None:
        """Returns the way a row was run here and its seeds; the closest to print, unmeasured, where it was not."""
        ways = self.planned.get(number, ())
        for way in ways:
            measured = self.evidence.measured(way.config.config_id, self.score, NOT_CHOSEN, config=way.config)
            if measured is not None:
                return way, measured
        return (ways[0], None) if ways else None

    @cached_property
    def reference(self) -> Measured | None:
        """Returns image-only where the score uses pictures, else class frequency."""
        if self.with_images:
            return self.first(("image_only",), "image")
        return self.first(("class_frequency",), self.score)

    @cached_property
    def bound(self) -> Measured | None:
        """Returns the Bayes classifier with all the information the score uses, at the image stage's resolution."""
        information = "image+place+date" if self.with_images else "place+date"
        for config_id in self.evidence.settings(("bayes",)):
            found = self.evidence.measured(config_id, None)
            if found is not None and getattr(found.record.spec.config, "information", "") == information:
                return found
        return None

    def first(self, methods: tuple[str, ...], score: str) -> Measured | None:
        """Returns the first setting of these methods under a score source."""
        return self.evidence.first(methods, score)

    def difference(self, measured: Measured, other: Measured) -> Difference | None:
        """Returns the paired difference in top-1, or None where predictions were not kept."""
        hits_SN, other_RN = self.predictions.hits(measured), self.predictions.hits(other)
        if hits_SN is None or other_RN is None:
            return None
        if self._resampler is None:
            self._resampler = ImageResampler(self.predictions.images)
        return self._resampler.difference(hits_SN, other_RN)


def open_context(
    store: Results, wanted: Definition, scope: Scope, scale: ScaleName | None, score: str | None
) -> Context:
    """Reads the catalogue once and settles scale and score.

    Args:
        store: the results.
        wanted: the published table.
        scope: the data set, and what a sweep settles.
        scale: None takes the sweep's, else the data set's default, or the other one where only that has runs.
        score: None takes the product as published where there are image scores, else the raw prior.
    """
    card = scope.card
    scales = [scope.scale] if scope.scale is not None else [card_scale(card, name) for name in SCALES]
    plans = {one.name: _plan(wanted, card, one) for one in scales}
    ids = sorted({way.config.config_id for plan in plans.values() for ways in plan.values() for way in ways})
    method, role = pc.field("method"), pc.field("role")
    named = method.isin(pa.array([*BASELINES, "image_only", "bayes"]))
    more = pc.field("config_id").isin(pa.array(ids, pa.string())) | named | (role == "confirmation")
    evidence = Evidence.of(store, card, more, scope.stage)
    name = scale or _scale_with_runs(plans, evidence, default_scale(card))
    chosen = next(one for one in scales if one.name == name)
    images = card.has_images or PUBLISHED_SCORE in evidence.scores()
    return Context(
        wanted=wanted,
        store=store,
        scope=scope,
        scale=chosen,
        score=score or (PUBLISHED_SCORE if images else PRIOR_SCORE),
        planned=plans[name],
        evidence=evidence,
        predictions=Predictions(store),
    )


def plain(name: str) -> str:
    """Returns a name without case, signs and spaces."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _plan(wanted: Definition, card: DatasetCard, scale: Scale) -> Planned:
    return {row.row: ways for row in wanted.rows if (ways := candidates(wanted, row, card, scale))}


def _scale_with_runs(plans: dict[ScaleName, Planned], evidence: Evidence, preferred: ScaleName) -> ScaleName:
    known = set(pc.unique(evidence.catalogue.column("config_id")).to_pylist())
    known_first = [name for name in (preferred, *SCALES) if name in plans]
    for name in known_first:
        if any(way.config.config_id in known for ways in plans[name].values() for way in ways):
            return name
    return known_first[0]
