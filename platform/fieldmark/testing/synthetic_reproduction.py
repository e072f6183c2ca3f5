"""A reproduction that nobody ran: a store with a plan and made-up but coherent results, for tests of tables and pages.

Every printed accuracy of S1, S3 to S6 and row 11 of S2 has a cell with its runs, evaluations and predictions on tune
and test. Printed values are the levels that runs scatter about, so the published order of methods is the true one here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fieldmark.config import (
    IMAGE_MODEL,
    ClassifierConfig,
    FrozenConfig,
    RunSpec,
    Scale,
    ScaleName,
    choose_scale,
    digest,
)
from fieldmark.papers import PublishedRow, measurements, published_accuracies
from fieldmark.store import Cost, DatasetCard, EvaluationRecord, RunRecord, Store
from fieldmark.tables.reproduction import DataChoice, PlannedCell, PlannedRun, ReproductionPlan

TABLES = ("S1", "S2", "S3", "S4", "S5", "S6")
COMMAND = "fieldmark reproduce all --scale smoke"
_IMAGE_LEVELS = {"iNat2018": 74.15, "iNat2021-mini": 76.102, "YFCC100M-GEO100": 49.0, "iNat2021": 86.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticReproduction:
    """A store with one reproduction."""

    store: Store
    plan: ReproductionPlan


@dataclass(kw_only=True)
class _Writer:
    store: Store
    cards: dict[str, DatasetCard]
    scale: Scale
    levels: Mapping[str, float]
    missing: frozenset[str]
    known: dict[str, PlannedRun] = field(default_factory=dict)
    """Run and view to what is planned of them."""

    def run(
        self,
        cell: str,
        dataset: str,
        config: ClassifierConfig | FrozenConfig,
        seed: int,
        top1: float,
        view: str = "",
        image_model: str = "",
    ) -> PlannedRun:
        """Plans one seed of a cell and records it unless it is to be missing."""
        stages = {IMAGE_MODEL: image_model} if image_model else {}
        card = self.cards[dataset]
        spec = RunSpec(
            config=config,
            dataset=card.name,
            fingerprint=card.fingerprint,
            protocol=card.protocol,
            stages=stages,
            seed=seed,
        )
        key = f"{spec.run_id} {view}"
        if key not in self.known:
            score = "image" if config.fusion == "image_only" else "joint"
            records = [self._evaluation((spec.run_id,), spec, split, score, view) for split in ("tune", "test")]
            self.known[key] = PlannedRun(
                seed=seed, run_id=spec.run_id, tune=records[0].evaluation_id, test=records[1].evaluation_id
            )
            if not {cell, f"{cell}:{seed}"} & self.missing:
                self._record_run(spec)
                for record in records:
                    self.record(record, dataset, self.levels.get(cell, top1), seed)
        return self.known[key]

    def ensemble(self, cell: str, dataset: str, members: list[PlannedRun], seed: int, top1: float) -> PlannedRun:
        """Plans an ensemble of one seed's runs and records it."""
        ids = tuple(dict.fromkeys(run.run_id for run in members))
        spec = self.store.run(ids[0]).spec
        view = f"ensemble:{digest([run.tune for run in members])}"
        tune = self._evaluation(ids, spec, "tune", "joint", view, tuple(run.tune for run in members))
        test = self._evaluation(ids, spec, "test", "joint", view, tuple(run.test for run in members))
        if not {cell, f"{cell}:{seed}"} & self.missing:
            for record in (tune, test):
                self.record(record, dataset, self.levels.get(cell, top1), seed)
        return PlannedRun(seed=seed, run_id="", tune=tune.evaluation_id, test=test.evaluation_id)

    def _evaluation(
        self, run_ids: tuple[str, ...], spec: RunSpec, split: str, score: str, view: str, members: tuple[str, ...] = ()
    ) -> EvaluationRecord:
        values = {"run_ids": run_ids, "spec": spec, "scale": self.scale, "split": split, "score": score, "view": view}
        values |= {"members": members, "n": 0, "metrics": {}, "parameters": 190_000}
        return EvaluationRecord.model_validate(values)

    def _record_run(self, spec: RunSpec) -> None:
        if self.store.has_run(spec.run_id):
            return
        epochs = np.arange(1, 9)
        curve = {"epoch": pa.array(epochs, pa.int32()), "loss": 3.0 / epochs, "top1": 0.7 - 0.5 * np.exp(-epochs / 3)}
        self.store.commit_run(
            RunRecord(
                run_id=spec.run_id,
                spec=spec,
                scale=self.scale,
                status="completed",
                parameters=190_000,
                multiply_adds=3_200_000,
                epochs=len(epochs),
                cost=Cost(seconds=4.0),
            ),
            curve=pa.table(curve),
        )

    def record(self, record: EvaluationRecord, dataset: str, top1: float, seed: int) -> None:
        """Invents the predictions of an evaluation, easy and hard records being the same for every method."""
        n = self.cards[dataset].counts[record.split]
        own = np.random.default_rng([int(record.evaluation_id[:8], 16)])
        hard_N = np.random.default_rng([len(dataset), len(record.split)]).random(n)
        shared = np.random.default_rng([seed, len(dataset)]).normal(0, 0.002)  # luck of the seed's image model
        hits_N = (hard_N + own.normal(0, 0.05, n) < top1 + shared + own.normal(0, 0.002)).astype(np.float32)
        metrics = dict.fromkeys(("top1", "top3", "top5", "top10", "mrr"), float(hits_N.mean()))
        full = record.model_copy(update={"n": n, "metrics": {**metrics, "log_loss": 3 * (1 - float(hits_N.mean()))}})
        self.store.commit_evaluation(full, predictions=_predictions(hits_N, self.cards[dataset].categories))


def synthetic_reproduction(
    url: str,
    *,
    tables: tuple[str, ...] = TABLES,
    scale: ScaleName = "smoke",
    seeds: int = 5,
    test_records: int = 600,
    levels: Mapping[str, float] | None = None,
    missing: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    spec: str = "world:seed={}",
    cards: Mapping[str, DatasetCard] | None = None,
) -> SyntheticReproduction:
    """Returns a store at that place with a reproduction of these tables.

    Args:
        url: where the store is made; must be empty.
        tables: of the supplement.
        scale: of the plan; `paper` trains whole, as published, and its data are those of the paper.
        seeds: of every cell; S1's have two at most.
        test_records: of every data set; tune has a third.
        levels: cell to the top-1 its runs scatter about, a fraction; else what was printed.
        missing: cells, or cells with a seed (`S3:1:iNat2018:4`), that are planned and not run.
        without: published data sets that are not at hand.
        spec: what was typed after --data, its number being the data set's place.
        cards: published data set to its card, where it matters.
    """
    store = Store.open(url)
    printed = [row for table in tables for row in published_accuracies(table) if row.table != "S2" or row.row == 11]
    names = [name for name in dict.fromkeys(row.dataset for row in printed) if name and name not in without]
    made = {name: _card(name, spec.format(place), test_records, scale) for place, name in enumerate(names)}
    made |= {name: card for name, card in (cards or {}).items() if name in made}
    writer = _Writer(
        store=store,
        cards=made,
        scale=choose_scale(scale, train_records=3000, category_size=50),
        levels=levels or {},
        missing=frozenset(missing),
    )
    for card in made.values():
        store.put_card(card)
    cells: list[PlannedCell] = []
    for row in printed:
        if row.dataset in made:
            cells.append(_cell(writer, row, seeds, cells))
    plan = ReproductionPlan(
        scale=scale,
        data={name: DataChoice(spec=card.spec, card=card, stands_in=scale == "smoke") for name, card in made.items()},
        cells=tuple(cells),
        command=COMMAND.replace("smoke", scale),
    )
    store.put_plan(plan.plan_id, plan.model_dump(mode="json"))
    return SyntheticReproduction(store=store, plan=plan)


def _card(name: str, spec: str, test_records: int, scale: ScaleName) -> DatasetCard:
    return DatasetCard(
        name="world" if scale == "smoke" else name,
        spec=spec,
        fingerprint=digest(name)[:32],
        protocol="official",
        categories=60,
        counts={"train": 3000, "tune": test_records // 3, "test": test_records},
        largest_category=50,
        category_size=50.0,
        has_images=True,
    )


def _cell(writer: _Writer, row: PublishedRow, seeds: int, before: list[PlannedCell]) -> PlannedCell:
    assert row.dataset is not None
    assert row.value is not None
    name, top1 = f"{row.table}:{row.row}:{row.dataset}", row.value / 100
    measurement = next(one for one in measurements(row.table, writer.scale.name) if one.cell == name)
    config = measurement.config
    chosen = range(min(seeds, 2) if row.table == "S1" else seeds)
    if config is None:
        others = [cell for cell in before if cell.measurement.table == row.table]
        runs = [writer.ensemble(name, row.dataset, [cell.runs[seed] for cell in others], seed, top1) for seed in chosen]
        return PlannedCell(measurement=measurement, runs=tuple(runs))
    start, level = measurement.image_model, _IMAGE_LEVELS[row.dataset] / 100
    images = [writer.run(f"{name} image", row.dataset, start, seed, level) for seed in chosen] if start else []
    runs = [
        writer.run(name, row.dataset, config, seed, top1, measurement.view, images[seed].run_id if images else "")
        for seed in chosen
    ]
    return PlannedCell(measurement=measurement, runs=tuple(runs), image_only=tuple(images))


def _predictions(hits_N: NDArray[np.float32], categories: int) -> pa.Table:
    n = len(hits_N)
    category_N = np.arange(n) % categories
    first_N = np.where(hits_N > 0, category_N, (category_N + 1) % categories)
    return pa.table(
        {
            "image_id": [f"{position:06d}" for position in range(n)],
            "true_category": pa.array(category_N, pa.int32()),
            "true_probability": pa.array(0.1 + 0.8 * hits_N, pa.float32()),
            "true_rank": pa.array(np.where(hits_N > 0, 1, 3), pa.float32()),
            "hit1": pa.array(hits_N, pa.float32()),
            "top_categories": _pairs(np.stack([first_N, (first_N + 1) % categories], axis=1).astype(np.int32)),
            "top_probabilities": _pairs(np.tile(np.array([0.6, 0.2], np.float32), (n, 1))),
        }
    )


def _pairs(values_N2: NDArray[Any]) -> pa.Array:
    ends_N1 = pa.array(np.arange(0, values_N2.size + 1, 2), pa.int32())
    return pa.ListArray.from_arrays(ends_N1, pa.array(values_N2.ravel()))
