"""All settings of a data set beside its baselines, with paired intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.config import NearestNeighboursConfig, Scale
from fieldmark.errors import UserError
from fieldmark.tables.choices import FRESH, SUPERSEDED, Choice, choices
from fieldmark.tables.definitions import definition
from fieldmark.tables.evidence import Evidence, Measured
from fieldmark.tables.footnotes import Footnotes
from fieldmark.tables.join import notes
from fieldmark.tables.labels import setting_label
from fieldmark.tables.predictions import Predictions
from fieldmark.tables.remarks import POWER_REACH, PRIORS_ONLY, difference_sentence
from fieldmark.tables.scope import Scope, at_scale_only, open_scope, scale_of
from fieldmark.tables.selection import SCALES, candidates, card_scale
from fieldmark.tables.settings_model import SettingRow, SettingsTable
from fieldmark.tables.settings_verdicts import verdict_sentences
from fieldmark.tables.sources import Results
from fieldmark.tables.statistics import Difference, ImageResampler, Summary, summarise

FRESH_SEEDS = "Fresh seeds, which took no part in choosing the setting."
TUNED = ("published", "search", "single", "baseline", "bound", "stage")


def settings_table(store: Results, sweep: str | None = None, *, dataset: str | None = None) -> SettingsTable:
    """Returns every completed setting and baseline on a data set under every score source, best top-1 first.

    A setting that the search chose is shown twice: as tried, and on the fresh seeds that confirm it.

    Args:
        store: the results.
        sweep: a sweep's id or the beginning of it, to mean its data set, scale and image stage; settings that other
            sweeps ran under the same are shown too. None takes the scale and the image stage of the latest runs.
        dataset: a data set's name or the beginning of its fingerprint; None with one data set in the store.

    Raises:
        UserError: no data set is meant, or more than one.
    """
    scope = open_scope(store, dataset, sweep)
    if scope is None:
        raise UserError(f"the store {store.url} has no data set yet; run: fieldmark sweep priorsnet")
    return _Settings(store, scope).table()


@dataclass
class _Settings:
    store: Results
    scope: Scope
    footnotes: Footnotes = field(default_factory=Footnotes)

    def __post_init__(self) -> None:
        self.card = self.scope.card
        self.evidence = Evidence.of(self.store, self.card, stage=self.scope.stage)
        self.scale = self.scope.scale or self._latest_scale()
        self._keep_to_scale()
        self.predictions = Predictions(self.store)
        self.resampler: ImageResampler | None = None
        self.served = self._served()

    def table(self) -> SettingsTable:
        self.main = main = main_scores(self.evidence.scores())
        rows = [self._row(measured, fresh) for measured, fresh in self._settings()]
        rows.sort(key=lambda row: (row.score not in main, row.score, -row.metrics["top1"].mean))
        return SettingsTable(
            title=f"Settings and baselines on {self.card.name}",
            dataset=self.card.name,
            fingerprint=self.card.fingerprint,
            protocol=self.card.protocol,
            test_records=self.card.counts.get("test"),
            main_scores=main,
            rows=tuple(rows),
            header=(
                f"Split {self.card.protocol}, test part, {self.card.counts.get('test', 0):,} records; accuracies in %, "
                "log-loss in nats; differences in points of top-1 with paired 95 % intervals over images and seeds",
                *((self.scale.describe().capitalize(),) if self.scale is not None else ()),
                *((PRIORS_ONLY,) if all(score.startswith("prior") for score in main) else ()),
                *self.card.notes,
            ),
            minimum_detectable_difference=self.smallest(rows),
            closing=self._closing(rows),
            footnotes=self.footnotes.texts,
        )

    def _settings(self) -> Iterator[tuple[Measured, Choice | None]]:
        """Yields each setting under each score source, the fresh seeds of a chosen one by themselves."""
        pairs = self.evidence.catalogue.select(["config_id", "score"]).group_by(["config_id", "score"]).aggregate([])
        for pair in pairs.to_pylist():
            measured = self.evidence.measured(pair["config_id"], pair["score"], TUNED)
            if measured is not None and "top1" in measured.metrics:
                yield measured, None
        if self.scale is None:
            return
        for score in sorted(self.evidence.scores()):
            for choice in choices(self.evidence, self.scope, self.scale, score):
                if "top1" in choice.measured.metrics:
                    yield choice.measured, choice

    def _row(self, measured: Measured, fresh: Choice | None) -> SettingRow:
        record = measured.record
        image = self._baseline("image_only", "image")
        right, wrong = self._harm(measured, image) if record.score.startswith(("product", "joint")) else (None, None)
        texts = notes(measured)
        if getattr(record.spec.config, "train_on", "train") != "train":
            texts.append("Not a permitted comparison: the prior was learned on a superset of the training set.")
        if fresh:
            texts.append(SUPERSEDED if fresh.superseded else FRESH_SEEDS)
        frequency = self._baseline("class_frequency", record.score)
        neighbours = self._baseline("nearest_neighbours", record.score)
        return SettingRow(
            label=setting_label(record.spec.config, self.scale or record.scale),
            role="confirmation" if fresh else record.role,
            published_rows=self.served.get(measured.config_id, ()),
            method=record.spec.config.method,
            config_id=measured.config_id,
            config=record.spec.config.model_dump(mode="json"),
            score=record.score,
            n=measured.n,
            metrics={name: summarise(values) for name, values in measured.metrics.items()},
            raw_top1=self._raw_top1(measured, FRESH if fresh else TUNED),
            to_class_frequency=self._difference(measured, frequency),
            to_nearest_neighbours=self._difference(measured, neighbours),
            loss_to_class_frequency=self._loss_difference(measured, frequency),
            loss_to_nearest_neighbours=self._loss_difference(measured, neighbours),
            superseded=fresh is not None and fresh.superseded,
            permitted=getattr(record.spec.config, "train_on", "train") == "train",
            turned_right=right,
            turned_wrong=wrong,
            parameters=record.parameters or None,
            seconds=measured.seconds or None,
            footnotes=self.footnotes.mark(*texts),
        )

    def _baseline(self, method: str, score: str) -> Measured | None:
        """Returns a baseline under a score source: the default setting where it was run, else the first."""
        default = NearestNeighboursConfig().config_id if method == "nearest_neighbours" else None
        usual = None if default is None else self.evidence.measured(default, score)
        return usual or self.evidence.first((method,), score)

    def _raw_top1(self, measured: Measured, roles: tuple[str, ...]) -> Summary | None:
        """Returns the top-1 of a prior as published, which holds a capped sampler's class prior."""
        if not measured.record.score.startswith("prior_"):
            return None
        raw = self.evidence.measured(measured.config_id, "prior_raw", roles)
        return None if raw is None else summarise(raw.metrics["top1"])

    def _difference(self, measured: Measured, other: Measured | None) -> Difference | None:
        if other is None or other.config_id == measured.config_id:
            return None
        hits_SN, other_RN = self.predictions.hits(measured), self.predictions.hits(other)
        return self._resampled(hits_SN, other_RN)

    def _loss_difference(self, measured: Measured, other: Measured | None) -> Difference | None:
        """Returns the paired difference in log-loss, nats, under the main score; below zero is better."""
        if other is None or other.config_id == measured.config_id or measured.record.score not in self.main:
            return None
        return self._resampled(self.predictions.losses(measured), self.predictions.losses(other))

    def _resampled(self, one_SN: NDArray[np.float64] | None, other_RN: NDArray[np.float64] | None) -> Difference | None:
        if one_SN is None or other_RN is None:
            return None
        if self.resampler is None:
            self.resampler = ImageResampler(self.predictions.images)
        return self.resampler.difference(one_SN, other_RN)

    def smallest(self, rows: Sequence[SettingRow]) -> float | None:
        """Returns the smallest true difference to a baseline that the table would show, as a fraction."""
        own = [row for row in rows if row.method == "priorsnet" and row.score in self.main]
        found = [one for row in own for one in (row.to_class_frequency, row.to_nearest_neighbours) if one is not None]
        return POWER_REACH * float(np.median([one.error for one in found])) if found else None

    def _closing(self, rows: list[SettingRow]) -> tuple[str, ...]:
        sentences = [line for score in self.main for line in verdict_sentences(rows, score)]
        return (*sentences, difference_sentence(self.smallest(rows), "a setting and a baseline"))

    def _latest_scale(self) -> Scale | None:
        """Returns the scale of the PriorsNet run that was started last, or None where there is none."""
        own = self.evidence.catalogue.filter(pc.equal(self.evidence.catalogue.column("method"), "priorsnet"))
        last = self.evidence.last_started(own)
        return None if last is None else scale_of(last)

    def _keep_to_scale(self) -> None:
        """Leaves out settings at other scales, whose words would be the same; a sweep's own stay in any case."""
        if self.scale is None:
            return
        rows = self.evidence.catalogue
        own = pc.is_in(rows.column("config_id"), value_set=pa.array(sorted(self.scope.settings), pa.string()))
        self.evidence.catalogue = rows.filter(pc.or_(own, at_scale_only(rows, self.scale)))

    def _harm(self, measured: Measured, image: Measured | None) -> tuple[float | None, float | None]:
        hits_SN = self.predictions.hits(measured)
        base_RN = None if image is None else self.predictions.hits(image)
        if hits_SN is None or base_RN is None:
            return None, None
        gain_SN = hits_SN - base_RN.mean(axis=0)
        return float(np.maximum(gain_SN, 0).sum(axis=1).mean()), float(np.maximum(-gain_SN, 0).sum(axis=1).mean())

    def _served(self) -> dict[str, tuple[int, ...]]:
        """Returns config id to the rows of Table S2 that run it on this data, at either scale."""
        wanted, found = definition("S2"), dict[str, tuple[int, ...]]()
        for name in SCALES:
            for row in wanted.rows:
                for way in candidates(wanted, row, self.card, card_scale(self.card, name)):
                    rows = found.get(way.config.config_id, ())
                    found[way.config.config_id] = rows if row.row in rows else (*rows, row.row)
        return found


def main_scores(scores: set[str]) -> tuple[str, ...]:
    """Returns the score source to show first: the product as published, or the calibrated prior without images."""
    wanted = ("product_raw", "prior_calibrated", "prior_raw")
    return tuple(score for score in wanted if score in scores)[:1]
