"""A sweep of image classifiers that nobody ran: a store with made-up figures whose shape is that of a real one."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from fieldmark.config import BayesConfig, ClassifierConfig, RunSpec, Scale
from fieldmark.store import DatasetCard, EvaluationRecord, RunRecord, Store, Trial

SWEEP = "0" * 31 + "5"
SCALE = Scale(name="smoke", k=8)
EPOCHS = 8
FUSIONS = ("dynamic_mlp_c", "concat_star", "add_star")
MARKS = (64, 96)
"""Pixels from which the default world's marks are visible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticImageSweep:
    """A store with one finished sweep."""

    store: Store
    sweep: str
    plan: dict[str, Any]


def synthetic_image_sweep(
    url: str, space: Literal["fusion", "resolution"] = "fusion", *, trials: int = 12, seeds: int = 2, pruned: int = 2
) -> SyntheticImageSweep:
    """Returns a store at that place with a sweep: a baseline, settings of the search, the last few stopped early.

    Args:
        url: where the store is made; must be empty.
        space: what is searched.
        trials: settings that were tried.
        seeds: of each; a stopped one has the first alone.
        pruned: settings that were stopped.
    """
    store, random = Store.open(url), np.random.default_rng(0)
    card = DatasetCard(
        name="world-mini", spec="world", fingerprint="f" * 32, protocol="official:0", categories=60,
        counts={"train": 3000, "tune": 600, "test": 2700}, largest_category=50, category_size=50.0, has_images=True,
    )  # fmt: skip
    store.put_card(card)
    writer = _Writer(store, card, random, seeds)
    groups = [writer.group(0, "baseline", {}, _config(64, "image_only"), "complete")]
    for number in range(1, trials + 1):
        state = "pruned" if number > trials - pruned else "complete"
        params, config = _proposal(space, random, number)
        groups.append(writer.group(number, "published" if number < 4 else "search", params, config, state))
    if space == "resolution":
        writer.bounds()
    plan = {
        "kind": "image_sweep", "space": space, "frozen": False, "scale": "scale smoke: batch / 8",
        "facts": {"card": card.model_dump(mode="json"), "has_places": True, "has_dates": True, "is_world": True},
        "objectives": ["accuracy", "parameters"], "directions": ["maximize", "minimize"], "sampler": "tpe",
        "search_seed": 0, "scheduler": "asha", "warm_start": None, "trials": trials, "seeds": seeds,
        "varied": list(groups[1]["params"]), "base": _config(64, "dynamic_mlp_c").model_dump(mode="json"),
        "groups": groups, "warm": [],
    }  # fmt: skip
    store.put_plan(SWEEP, plan)
    return SyntheticImageSweep(store=store, sweep=SWEEP, plan=plan)


def _config(resolution: int, fusion: str, backbone: str = "test_resnet", lr: float = 0.04) -> ClassifierConfig:
    return ClassifierConfig.model_validate(
        {"backbone": backbone, "resolution": resolution, "fusion": fusion, "lr": lr, "epochs": EPOCHS}
    )


def _proposal(space: str, random: np.random.Generator, number: int) -> tuple[dict[str, Any], ClassifierConfig]:
    if space == "fusion":
        fusion, lr = FUSIONS[number % len(FUSIONS)], round(float(10 ** random.uniform(-2.5, -0.5)), 5)
        return {"fusion": fusion, "lr": lr}, _config(64, fusion, lr=lr)
    side = 24 + 8 * ((5 * number) % 12)
    backbone = ("test_resnet", "test_efficientnet")[number % 4 == 0]
    return {"resolution": side, "backbone": backbone}, _config(side, "dynamic_mlp_c", backbone)


_CHOICES = '{{"name": "CategoricalDistribution", "attributes": {{"choices": {}}}}}'
_DISTRIBUTIONS = {
    "fusion": _CHOICES.format('["dynamic_mlp_c", "concat_star", "add_star"]'),
    "lr": '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.001, "high": 1.0, "log": true}}',
    "resolution": '{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 24, "high": 112}}',
    "backbone": _CHOICES.format('["test_resnet", "test_efficientnet"]'),
}


def _level(config: ClassifierConfig, size: int) -> float:
    """Returns what a setting reaches when it is shown pictures of a size: more where marks can be seen."""
    fusion = {"image_only": -0.15, "concat_star": -0.02, "add_star": -0.03}.get(config.fusion, 0.0)
    seen = sum(0.08 for mark in MARKS if min(size, config.resolution) >= mark)
    rate = -0.02 * abs(np.log10(config.lr / 0.04))
    away = -0.1 * abs(np.log2(size / (1.1 * config.resolution)))
    return float(0.6 + fusion + seen + rate + away - 0.02 * (config.backbone != "test_resnet"))


class _Writer:
    def __init__(self, store: Store, card: DatasetCard, random: np.random.Generator, seeds: int) -> None:
        self.store, self.card, self.random, self.seeds = store, card, random, seeds

    def _spec(self, config: ClassifierConfig | BayesConfig, seed: int) -> RunSpec:
        card = self.card
        return RunSpec(
            config=config, dataset=card.name, fingerprint=card.fingerprint, protocol=card.protocol, seed=seed
        )

    def group(
        self, number: int, role: str, params: dict[str, Any], config: ClassifierConfig, state: str
    ) -> dict[str, Any]:
        """Records a setting's runs and returns its place in the plan."""
        side = config.resolution
        views = [f"center:{round(side * 8 / 7)}", f"center:{round(side * 8 / 7)}+{round(side * 12 / 7)}"]
        done = range(self.seeds if state == "complete" else 1)
        for seed in done:
            trial = {"sweep": SWEEP, "number": number, "group": config.config_id, "role": role, "params": params}
            self._run(config, seed, Trial.model_validate(trial), state, views if role != "baseline" else [])
        return {
            "number": number, "role": role, "label": f"{config.fusion} {config.resolution} px lr={config.lr:g}",
            "name": config.config_id, "config": config.model_dump(mode="json"), "params": params,
            "distributions": {name: _DISTRIBUTIONS[name] for name in params}, "seeds": list(range(self.seeds)),
            "run_ids": [self._spec(config, seed).run_id for seed in range(self.seeds)], "views": views, "state": state,
            "values": None,
        }  # fmt: skip

    def _run(self, config: ClassifierConfig, seed: int, trial: Trial, state: str, views: list[str]) -> None:
        spec, complete = self._spec(config, seed), state == "complete"
        level = _level(config, config.resolution) + float(self.random.normal(0, 0.01))
        epochs = range(1, EPOCHS + 1 if complete else 3)
        curve = {"epoch": list(epochs), "loss": [3.0 / e for e in epochs]}
        curve["top1"] = [level - 0.4 * float(np.exp(-epoch / 2)) for epoch in epochs]
        weight = {"dynamic_mlp_c": 60_000, "concat_star": 48_000, "add_star": 45_000}.get(config.fusion, 30_000)
        run = RunRecord(
            run_id=spec.run_id, spec=spec, scale=SCALE, status="completed" if complete else "stopped", trial=trial,
            metrics={"top1": level}, parameters=weight, multiply_adds=900 * config.resolution**2, epochs=len(epochs),
        )  # fmt: skip
        self.store.commit_run(run, curve=pa.table(curve))
        if complete:
            self.evaluate(spec, "image" if config.fusion == "image_only" else "joint", level, "")
            for view in views:
                sizes = [int(size) for size in view.partition(":")[2].split("+")]
                shift = float(np.mean([_level(config, size) for size in sizes])) - _level(config, config.resolution)
                self.evaluate(spec, "joint", level + shift + 0.01 * (len(sizes) > 1), view)

    def evaluate(self, spec: RunSpec, score: str, level: float, view: str) -> None:
        """Records what a run reaches on tune and test."""
        for split in ("tune", "test"):
            top1 = level + float(self.random.normal(0, 0.004))
            values = {"run_ids": (spec.run_id,), "spec": spec, "scale": SCALE, "split": split, "score": score}
            values |= {"n": self.card.counts[split], "metrics": {"top1": top1}, "view": view}
            self.store.commit_evaluation(EvaluationRecord.model_validate(values))

    def bounds(self) -> None:
        """Records the Bayes classifier at sizes below, between and above the marks."""
        for size in (24, 56, 64, 88, 96, 112):
            for told, base in (("image", 0.55), ("image+place+date", 0.72)):
                config = BayesConfig.model_validate({"information": told, "resolution": size})
                self.evaluate(self._spec(config, 0), "joint", base + 0.1 * sum(size >= mark for mark in MARKS), "")
