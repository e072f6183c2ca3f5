"""All settings of a data set beside its baselines, with paired intervals."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc

from fieldmark.config import NearestNeighboursConfig
from fieldmark.errors import UserError
from fieldmark.store.records import DatasetCard
from fieldmark.tables import numbers
from fieldmark.tables.cards import choose_card
from fieldmark.tables.definitions import definition
from fieldmark.tables.evidence import Evidence, Measured
from fieldmark.tables.footnotes import Footnotes
from fieldmark.tables.join import notes
from fieldmark.tables.labels import setting_label
from fieldmark.tables.predictions import Predictions
from fieldmark.tables.selection import SCALES, candidates, card_scale
from fieldmark.tables.settings_model import SettingRow, SettingsTable
from fieldmark.tables.sources import Results
from fieldmark.tables.statistics import Difference, ImageResampler, Summary, summarise

FRESH = ("confirmation",)
TUNED = ("published", "search", "single", "baseline", "bound", "stage")


def settings_table(store: Results, sweep: str | None = None, *, dataset: str | None = None) -> SettingsTable:
    """Returns every completed setting and baseline on a data set under every score source, best top-1 first.

    A setting that the search chose is shown twice: as tried, and on the fresh seeds that confirm it.

    Args:
        store: the results.
        sweep: a sweep's id, to mean its data set; settings that other sweeps ran on the same data are shown too.
        dataset: a data set's name or the beginning of its fingerprint; None with one data set in the store.

    Raises:
        UserError: no data set is meant, or more than one.
    """
    card = choose_card(store, dataset) if sweep is None else _sweep_card(store, sweep)
    if card is None:
        raise UserError(f"the store {store.url} has no data set yet; run: fieldmark sweep priorsnet")
    return _Settings(store, card).table()


def _sweep_card(store: Results, sweep: str) -> DatasetCard:
    """Returns the data set of a sweep."""
    rows = store.runs(columns=["fingerprint", "protocol"], where=pc.field("sweep") == sweep)
    known = {(row["fingerprint"], row["protocol"]) for row in rows.slice(0, 1).to_pylist()}
    for card in store.cards():
        if (card.fingerprint, card.protocol) in known:
            return card
    raise UserError(f"no sweep {sweep!r} with runs in the store {store.url}")


@dataclass
class _Settings:
    store: Results
    card: DatasetCard
    footnotes: Footnotes = field(default_factory=Footnotes)

    def __post_init__(self) -> None:
        self.evidence = Evidence.of(self.store, self.card)
        self.predictions = Predictions(self.store)
        self.resampler: ImageResampler | None = None
        self.served = self._served()

    def table(self) -> SettingsTable:
        rows = [self._row(measured, fresh) for measured, fresh in self._settings()]
        main = main_scores({row.score for row in rows})
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
                *self.card.notes,
            ),
            closing=tuple(verdict_sentence([row for row in rows if row.score == score], score) for score in main),
            footnotes=self.footnotes.texts,
        )

    def _settings(self) -> Iterator[tuple[Measured, bool]]:
        """Yields each setting under each score source, the fresh seeds of a confirmed one by themselves."""
        pairs = self.evidence.catalogue.select(["config_id", "score"]).group_by(["config_id", "score"]).aggregate([])
        for pair in pairs.to_pylist():
            for roles in (TUNED, FRESH):
                measured = self.evidence.measured(pair["config_id"], pair["score"], roles)
                if measured is not None and "top1" in measured.metrics:
                    yield measured, roles is FRESH

    def _row(self, measured: Measured, fresh: bool) -> SettingRow:
        record = measured.record
        image = self._baseline("image_only", "image")
        right, wrong = self._harm(measured, image) if record.score.startswith(("product", "joint")) else (None, None)
        texts = notes(measured)
        if getattr(record.spec.config, "train_on", "train") != "train":
            texts.append("Not a permitted comparison: the prior was learned on a superset of the training set.")
        if fresh:
            texts.append("Fresh seeds, which took no part in choosing the setting.")
        return SettingRow(
            label=setting_label(record.spec.config, record.scale),
            role="confirmation" if fresh else record.role,
            published_rows=self.served.get(measured.config_id, ()),
            method=record.spec.config.method,
            config_id=measured.config_id,
            config=record.spec.config.model_dump(mode="json"),
            score=record.score,
            n=measured.n,
            metrics={name: summarise(values) for name, values in measured.metrics.items()},
            raw_top1=self._raw_top1(measured, FRESH if fresh else TUNED),
            to_class_frequency=self._difference(measured, self._baseline("class_frequency", record.score)),
            to_nearest_neighbours=self._difference(measured, self._baseline("nearest_neighbours", record.score)),
            permitted=getattr(record.spec.config, "train_on", "train") == "train",
            turned_right=right,
            turned_wrong=wrong,
            parameters=record.parameters or None,
            seconds=measured.seconds or None,
            footnotes=self.footnotes.mark(*texts),
        )

    def _baseline(self, method: str, score: str) -> Measured | None:
        """Returns a baseline under a score source: the default setting where it was run, else the first."""
        ids = self.evidence.settings((method,), score)
        default = NearestNeighboursConfig().config_id
        chosen = default if default in ids else next(iter(ids), None)
        return None if chosen is None else self.evidence.measured(chosen, score)

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
        if hits_SN is None or other_RN is None:
            return None
        if self.resampler is None:
            self.resampler = ImageResampler(self.predictions.images)
        return self.resampler.difference(hits_SN, other_RN)

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


def verdict_sentence(rows: list[SettingRow], score: str) -> str:
    """Says plainly how PriorsNet stands to class frequency under a score source."""
    own = [row for row in rows if row.method == "priorsnet" and row.permitted]
    if not own:
        return f"{score}: no PriorsNet setting was run."
    fresh = [row for row in own if row.role == "confirmation"]
    best = max(fresh or own, key=lambda row: row.metrics["top1"].mean)
    chosen = "on fresh seeds" if fresh else f"the highest of {len(own)} on test, which flatters it"
    text = f"{score}: PriorsNet ({best.label}; {chosen}) has {100 * best.metrics['top1'].mean:.2f} % top-1"
    against = (("class frequency", best.to_class_frequency), ("nearest neighbours", best.to_nearest_neighbours))
    parts = [_compared(name, found) for name, found in against if found is not None]
    return f"{text}: {' and '.join(parts)}." if parts else f"{text}."


def _compared(name: str, difference: Difference) -> str:
    size = f"{numbers.points(difference)} points"
    if not difference.excludes_zero:
        return f"it cannot be told from {name} ({size})"
    return f"it {'beats' if difference.value > 0 else 'loses to'} {name} ({size})"
