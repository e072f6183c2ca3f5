"""A stored sweep without any training: records and predictions with known truths."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest

from fieldmark.config import (
    BayesConfig,
    ClassFrequencyConfig,
    ImageStageConfig,
    MethodConfig,
    NearestNeighboursConfig,
    PriorsNetConfig,
    RunSpec,
    Scale,
    at_scale,
    effective,
)
from fieldmark.papers import configuration, rows
from fieldmark.store.records import Cost, DatasetCard, EvaluationRecord, Provenance, RunRecord, Trial
from fieldmark.store.store import Store
from fieldmark.tables.selection import card_scale

IMAGES = 800
WORLD = DatasetCard(
    name="world",
    spec="world",
    fingerprint="a" * 32,
    protocol="official:0",
    categories=40,
    counts={"train": 2000, "tune": 400, "test": IMAGES},
    largest_category=50,
    category_size=50,
    has_images=True,
    superset_fingerprint="b" * 32,
    superset_largest_category=270,
)
MINI = WORLD.model_copy(
    update={
        "name": "iNat2021-mini",
        "spec": "inat2021mini:/data",
        "fingerprint": "c" * 32,
        "counts": {"train": 450_000, "tune": 50_000, "test": 100_000},
        "categories": 10_000,
    }
)


@dataclass
class Writer:
    """Writes runs of a data set as a sweep would."""

    store: Store
    card: DatasetCard
    stages: dict[str, str] = field(default_factory=lambda: {"image_scores": "stage-1"})

    def __post_init__(self) -> None:
        self.store.put_card(self.card)

    def run(
        self,
        config: MethodConfig,
        hits: float | np.ndarray,
        *,
        seed: int = 0,
        score: str = "product_raw",
        role: str = "published",
        status: str = "completed",
        scale: Scale | None = None,
        stages: dict[str, str] | None = None,
        predictions: bool = True,
        reverse: bool = False,
        sweep: str = "sweep-1",
        started: float = 0.0,
        tune_top1: float | None = None,
        probability: float | None = None,
    ) -> str:
        """Commits a run and its test evaluation; `hits` is an accuracy or the hits themselves."""
        spec = RunSpec(
            config=config,
            dataset=self.card.name,
            fingerprint=self.card.fingerprint,
            protocol=self.card.protocol,
            stages=self.stages if stages is None else stages,
            seed=seed,
        )
        scale = scale or card_scale(self.card, "smoke" if self.card.spec.startswith("world") else "paper")
        trial = Trial(sweep=sweep, role=role, group=config.config_id)
        self.store.commit_run(
            RunRecord(
                run_id=spec.run_id,
                spec=spec,
                scale=scale,
                status=status,
                trial=trial,
                cost=Cost(seconds=2.0),
                provenance=Provenance(started=started, ended=started),
                metrics={} if tune_top1 is None else {"top1": tune_top1},
            )
        )
        images = self.card.counts["test"]
        hit_N = drawn(hits, images if predictions else 0, seed) if isinstance(hits, float) else hits
        top1 = float(hit_N.mean()) if predictions else hits
        metrics = dict.fromkeys(("top1", "top3", "top5", "top10", "mrr"), top1) | {"log_loss": 1.0}
        record = EvaluationRecord(
            run_ids=(spec.run_id,),
            spec=spec,
            scale=scale,
            split="test",
            score=score,
            n=images,
            metrics=metrics,
            role=role,
            sweep=sweep,
            parameters=553_000,
            seconds=0.1,
        )
        ids = [f"image-{place}" for place in range(len(hit_N))]
        table = pa.table({"image_id": ids, "hit1": hit_N.astype(np.float32)})
        if probability is not None:
            table = table.append_column("true_probability", pa.array(np.full(len(hit_N), probability, np.float32)))
        table = table.take(pa.array(np.arange(images)[::-1])) if reverse else table
        self.store.commit_evaluation(record, predictions=table if predictions else None)
        return spec.run_id

    def plan(self, sweep: str, *, stages: dict[str, str] | None = None, scale: Scale | None = None) -> None:
        """Puts as much of a sweep's plan as tables read."""
        scale = scale or card_scale(self.card, "smoke" if self.card.spec.startswith("world") else "paper")
        facts = {"card": self.card.model_dump(mode="json"), "scale": scale.model_dump(mode="json")}
        self.store.put_plan(sweep, {"facts": facts, "stages": self.stages if stages is None else stages, "groups": []})

    def configuration(self, number: int, **changes: object) -> PriorsNetConfig:
        """Returns what a row of S2 runs on this data."""
        asked = configuration(next(row for row in rows("S2") if row.row == number))
        assert asked is not None
        largest = self.card.superset_largest_category if asked.train_on == "superset" else self.card.largest_category
        assert largest is not None
        scale = card_scale(self.card, "smoke" if self.card.spec.startswith("world") else "paper")
        return effective(at_scale(asked.model_copy(update=changes), scale), largest)

    def permitted(self, seeds: int = 3, accuracy: Callable[[int, int], float] | None = None, **options: object) -> None:
        """Runs the nine permitted rows; `accuracy` takes row and seed."""
        value = accuracy or (lambda row, seed: 0.70 + 0.002 * seed)
        for number in range(1, 10):
            for seed in range(seeds):
                self.run(self.configuration(number), value(number, seed), seed=seed, **options)  # type: ignore[arg-type]


def drawn(accuracy: float, images: int, seed: int) -> np.ndarray:
    """Returns hits with exactly round(accuracy * images) ones, overlapping largely between seeds."""
    order = np.argsort(np.arange(images) + np.random.default_rng(seed).normal(0, images / 10, images))
    hit_N = np.zeros(images)
    hit_N[order[: round(accuracy * images)]] = 1
    return hit_N


@pytest.fixture
def write(store: Store) -> Callable[..., Writer]:
    """Gives a writer of a data set: `world` or `mini`, with changes to its card."""

    def of(name: str = "world", *, stages: dict[str, str] | None = None, **changes: object) -> Writer:
        card = {"world": WORLD, "mini": MINI}[name].model_copy(update=changes)
        return Writer(store, card) if stages is None else Writer(store, card, stages)

    return of


@pytest.fixture
def store() -> Store:
    return Store.open("memory://")


@pytest.fixture
def world(store: Store) -> Writer:
    return Writer(store, WORLD)


@pytest.fixture
def finished(world: Writer) -> Writer:
    """A complete sweep on the world: image-only 55 %, rows about 70 %, the bound 75 %."""
    world.permitted()
    world.run(ImageStageConfig(), 0.55, score="image", role="stage", stages={})
    world.run(BayesConfig(), 0.75, score="joint", role="bound", stages={})
    world.run(BayesConfig(information="image"), 0.60, score="joint", role="bound", stages={})
    for score, accuracy in (("product_raw", 0.57), ("prior_raw", 0.10)):
        world.run(ClassFrequencyConfig(), accuracy, score=score, role="baseline")
        world.run(NearestNeighboursConfig(), accuracy + 0.08, score=score, role="baseline")
    return world
