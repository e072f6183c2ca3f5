"""A sweep that nobody ran: a real store with made-up but coherent figures, for tests of tables and pages."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fieldmark.config import (
    BayesConfig,
    ClassFrequencyConfig,
    GridConfig,
    ImageStageConfig,
    MethodConfig,
    NearestNeighboursConfig,
    PriorsNetConfig,
    RunSpec,
    choose_scale,
)
from fieldmark.search.facts import DataFacts
from fieldmark.search.options import SweepOptions
from fieldmark.search.plan import SweepPlan, build_plan
from fieldmark.store import Cost, DatasetCard, EvaluationRecord, RunRecord, Store, Trial
from search_spaces import priorsnet as space

CATEGORIES = 40
SEED_STD = 0.004
"""Of top-1 over seeds of one setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """A store with one finished sweep."""

    store: Store
    sweep: str
    plan: SweepPlan


class _Writer:
    """Invents predictions whose easy and hard images are the same for every method, and records them."""

    def __init__(self, store: Store, plan: SweepPlan, test_records: int) -> None:
        self.store, self.plan, self.n = store, plan, test_records
        self.random = np.random.default_rng(0)
        self.hardness_N = self.random.random(test_records)

    def run(
        self,
        config: MethodConfig,
        seed: int,
        top1: float,
        scores: Iterable[str],
        trial: Trial,
        status: str = "completed",
    ) -> None:
        """Records a run and its evaluations on tune and test."""
        alone = trial.role in ("stage", "bound")
        card = self.plan.facts.card
        spec = self.plan.spec(config, seed)
        if alone:
            spec = RunSpec(
                config=config, dataset=card.name, fingerprint=card.fingerprint, protocol=card.protocol, seed=seed
            )
        noise = 0.0 if alone or trial.role == "baseline" else float(self.random.normal(0, SEED_STD))
        metrics = self._metrics(top1 + noise, self.plan.objective.score)
        self.store.commit_run(
            RunRecord.model_validate(
                {
                    "run_id": spec.run_id,
                    "spec": spec,
                    "scale": self.plan.facts.scale,
                    "status": status,
                    "metrics": metrics,
                    "parameters": 20_000,
                    "epochs": 30 if status == "completed" else 3,
                    "trial": trial,
                    "cost": Cost(seconds=5.0),
                }
            )
        )
        for score in scores if status == "completed" else ():
            self._evaluate(spec, score, top1 + noise, trial)

    def _metrics(self, top1: float, score: str) -> dict[str, float]:
        shift = {"prior_raw": 1.1, "product_raw": 0.5, "prior_corrected": 0.4, "product_corrected": 0.1}.get(score, 0.0)
        spread = {
            name: min(1.0, top1 + extra)
            for name, extra in (("top3", 0.1), ("top5", 0.14), ("top10", 0.2), ("mrr", 0.07))
        }
        return {"top1": top1, **spread, "log_loss": 3.2 * (1 - top1) + shift}

    def _evaluate(self, spec: RunSpec, score: str, top1: float, trial: Trial) -> None:
        images = (
            score.startswith("product") or score in ("image", "joint") or self.plan.objective.score.startswith("prior")
        )
        top1 = top1 if images else top1 - 0.35
        family = score.partition("_")[0]  # correcting a score does not change what it ranks first
        luck_N = np.random.default_rng([int(spec.run_id[:8], 16), len(family)]).normal(0, 0.05, self.n)
        hit_N = (self.hardness_N + luck_N < top1).astype(np.float32)
        for split, value in (("tune", top1), ("test", float(hit_N.mean()))):
            record = EvaluationRecord.model_validate(
                {
                    "run_ids": (spec.run_id,),
                    "spec": spec,
                    "scale": self.plan.facts.scale,
                    "split": split,
                    "score": score,
                    "n": self.n,
                    "metrics": self._metrics(value, score),
                    "role": trial.role,
                    "sweep": trial.sweep,
                    "parameters": 20_000,
                    "seconds": 5.0,
                }
            )
            self.store.commit_evaluation(record, predictions=_predictions(hit_N) if split == "test" else None)


def synthetic_sweep(
    url: str, *, dataset: str = "world", images: bool = True, trials: int = 8, test_records: int = 1000
) -> Synthetic:
    """Returns a store at that place with a whole sweep: nine rows by three seeds, a search, baselines, bounds.

    Args:
        url: where the store is made; must be empty.
        dataset: the data set's name.
        images: whether there are image scores; without, priors are judged alone.
        trials: of Optuna; every fifth was stopped early.
        test_records: images scored.
    """
    store = Store.open(url)
    card = DatasetCard(
        name=dataset,
        spec="world",
        fingerprint="f" * 32,
        protocol="official",
        categories=CATEGORIES,
        counts={"train": 4000, "tune": 500, "test": test_records},
        largest_category=100,
        category_size=100.0,
        has_images=images,
        superset_fingerprint="e" * 32,
        superset_largest_category=400,
    )
    scale = choose_scale("smoke", train_records=4000, category_size=100.0)
    facts = DataFacts(card=card, scale=scale, has_dates=True, is_world=True)
    plan = build_plan(SweepOptions(trials=trials), facts, {"image_scores": "a" * 32} if images else {})
    plan = plan.with_baselines([ClassFrequencyConfig(), GridConfig(), NearestNeighboursConfig()])
    store.put_card(card)
    store.put_plan(plan.sweep_id, plan.model_dump(mode="json"))
    writer = _Writer(store, plan, test_records)
    _write_planned(writer, images)
    best = _write_search(writer, images, trials)
    _write_alone(writer, images)
    for seed in (1000, 1001, 1002):
        trial = Trial(sweep=plan.sweep_id, number=len(plan.groups), group=best.config_id, role="confirmation")
        writer.run(best, seed, 0.765, _scores(images), trial)
    return Synthetic(store=store, sweep=plan.sweep_id, plan=plan)


def _scores(images: bool) -> tuple[str, ...]:
    products = ("product_raw", "product_corrected", "product_bayes") if images else ()
    return ("prior_raw", "prior_corrected", "prior_calibrated", *products)


def _write_planned(writer: _Writer, images: bool) -> None:
    levels = {"class_frequency": 0.62, "grid": 0.68, "nearest_neighbours": 0.735}
    for group in writer.plan.groups:
        level = levels.get(group.config.method, 0.76)
        if isinstance(group.config, PriorsNetConfig) and group.config.train_on == "superset":
            level = 0.775
        for task in writer.plan.tasks(group):
            writer.run(group.config, task.spec.seed, level, _scores(images), task.trial)


def _write_search(writer: _Writer, images: bool, trials: int) -> PriorsNetConfig:
    plan, random = writer.plan, writer.random
    best, best_level = writer.plan.brought_to_data(PriorsNetConfig(batch=512, lr=2e-3)), 0.78
    for position in range(trials):
        lr, batch = float(10 ** random.uniform(-4, -2)), int(random.choice(space.BATCHES))
        level = 0.76 - 0.03 * abs(np.log10(lr) + 2.7)
        config = plan.brought_to_data(
            PriorsNetConfig(batch=batch, lr=lr, images_per_class=int(random.choice((10, 25, 50))))
        )
        if position == 0:
            config, level = best, best_level
        trial = Trial(
            sweep=plan.sweep_id,
            number=len(plan.groups) + position,
            group=config.config_id,
            role="search",
            params=space.parameters(config),
            distributions={},
        )
        writer.run(config, 0, level, _scores(images), trial, "stopped" if position % 5 == 4 else "completed")
    return best


def _write_alone(writer: _Writer, images: bool) -> None:
    alone: list[tuple[MethodConfig, float, str, str]] = [
        (BayesConfig(information="image+place+date" if images else "place+date"), 0.815, "joint", "bound")
    ]
    if images:
        alone += [
            (ImageStageConfig(), 0.6, "image", "stage"),
            (BayesConfig(information="image"), 0.65, "joint", "bound"),
        ]
    for config, level, score, role in alone:
        writer.run(config, 0, level, (score,), Trial.model_validate({"sweep": writer.plan.sweep_id, "role": role}))


def _predictions(hit_N: NDArray[np.float32]) -> pa.Table:
    n = len(hit_N)
    return pa.table(
        {
            "image_id": [f"{position:06d}" for position in range(n)],
            "true_category": pa.array(np.zeros(n), pa.int32()),
            "true_probability": pa.array(0.1 + 0.8 * hit_N, pa.float32()),
            "true_rank": pa.array(np.where(hit_N > 0, 1, 3), pa.float32()),
            "hit1": pa.array(hit_N, pa.float32()),
            "top_categories": pa.array([[0, 1]] * n, pa.list_(pa.int32())),
            "top_probabilities": pa.array([[0.6, 0.2]] * n, pa.list_(pa.float32())),
        }
    )
