"""What a sweep measured, gathered from the store's flat columns for its figures and its page."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from fieldmark.config import Scale, digest
from fieldmark.figures.setting_labels import name_setting
from fieldmark.figures.sweep_members import evaluations_of, runs_of
from fieldmark.store.records import METRICS, DatasetCard

if TYPE_CHECKING:
    from fieldmark.store import Store

Row = Mapping[str, Any]

ROLES = ("published", "search", "baseline", "stage", "bound")
"""The roles in the order of a figure; a confirmation is a further seed of the setting it confirms."""

_COMMON = ("run_id", "method", "config_id", "config", "seed", "role", *METRICS)
_RUN = (*_COMMON, "status", "number", "epochs")
_EVALUATION = (
    *_COMMON, "dataset", "fingerprint", "protocol", "scale", "scale_k", "category_size", "split", "score", "n",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What the search was after: one metric of one score on the tune part."""

    score: str
    metric: str

    def better(self, value: float) -> float:
        """Returns the value with its sign turned so that more is better."""
        return -value if self.metric == "log_loss" else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One configuration of a sweep with what its seeds scored on the test part."""

    config_id: str
    label: str
    """In the paper's units, or the baseline's name."""
    role: str
    """One of ROLES."""
    confirmed: bool
    """Whether it was run again on fresh seeds because it won; a setting that the search found is judged by these alone."""
    permitted: bool
    """False where the prior was learned from the superset: it stands apart."""
    test: Mapping[tuple[str, str], tuple[float, ...]]
    """(score source, metric) to one value a seed; fractions, or nats."""
    goal: float | None
    """The search's goal on the tune part, mean over the seeds that the search saw."""

    @property
    def scores(self) -> tuple[str, ...]:
        """The score sources it has on the test part."""
        return tuple(sorted({score for score, _ in self.test}))

    def values(self, score: str, metric: str = "top1") -> tuple[float, ...]:
        """Returns the seeds' values under a score source, or under the only one it has (image-only, bounds)."""
        if score not in self.scores and len(self.scores) == 1:
            score = self.scores[0]
        return self.test.get((score, metric), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One run of the search as the sampler saw it, in the paper's units."""

    number: int
    seed: int
    label: str
    role: str
    status: str
    epochs: int
    batch: int
    lr: float
    sampler: str
    goal: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepScores:
    """Everything that a sweep's figures draw."""

    sweep: str
    dataset: str
    fingerprint: str
    protocol: str
    scale: Scale
    test_records: int
    card: DatasetCard | None
    score: str
    """The score source that the figures lead with."""
    goal: Goal
    settings: tuple[Setting, ...]
    """In the order published rows, search, baselines, then what stands alone (image-only, bounds)."""
    tried: tuple[Tried, ...] = ()

    def of_role(self, *roles: str) -> tuple[Setting, ...]:
        """Returns the settings of these roles that have a value, in order."""
        return tuple(one for one in self.settings if one.role in roles and one.values(self.score))

    @property
    def best(self) -> Setting | None:
        """The permitted setting that the tune part chose; the test part has no say (SCIENCE rule 5)."""
        candidates = [one for one in self.of_role("published", "search") if one.permitted and one.goal is not None]
        return max(candidates, key=lambda one: self.goal.better(one.goal or 0.0), default=None)

    def image_only(self, metric: str = "top1") -> float | None:
        """Returns what the image alone scores on the test part, mean over the stage's seeds."""
        return next((mean(one.values("image", metric)) for one in self.of_role("stage")), None)

    def bound(self, metric: str = "top1") -> float | None:
        """Returns what the Bayes classifier that knows the most scores, where the data have one."""
        values = [mean(one.values("joint", metric)) for one in self.of_role("bound")]
        return (min if metric == "log_loss" else max)(values, default=None)


def mean(values: Iterable[float]) -> float:
    """Returns the arithmetic mean of at least one value."""
    listed = list(values)
    return math.fsum(listed) / len(listed)


def read_sweep(store: "Store", sweep: str) -> SweepScores | None:
    """Returns what a sweep has measured so far, or None when it has no evaluation on the test part."""
    plan = store.plan(sweep) or {}
    runs = runs_of(store, sweep, plan, _RUN)
    cut_off = {run["run_id"] for run in runs if run["status"] != "completed"}
    evaluations = [row for row in evaluations_of(store, sweep, plan, _EVALUATION) if row["run_id"] not in cut_off]
    tests = [row for row in evaluations if row["split"] == "test"]
    if not tests:
        return None
    first = tests[0]
    scale = Scale(name=first["scale"], k=first["scale_k"], category_size=first["category_size"])
    images = any(row["score"] == "product_raw" for row in tests)
    goal = _goal(plan, images)
    return SweepScores(
        sweep=sweep,
        dataset=first["dataset"],
        fingerprint=first["fingerprint"],
        protocol=first["protocol"],
        scale=scale,
        test_records=max(row["n"] for row in tests),
        card=_card(store, first),
        score="product_raw" if images else "prior_raw",
        goal=goal,
        settings=_settings(evaluations, runs, _Context(scale, goal, _rows_served(plan))),
        tried=_tried(runs, scale, goal),
    )


def _card(store: "Store", row: Row) -> DatasetCard | None:
    identity = (row["fingerprint"], row["protocol"])
    return next((card for card in store.cards() if (card.fingerprint, card.protocol) == identity), None)


def _goal(plan: Mapping[str, Any], images: bool) -> Goal:
    if "objective" in plan:
        return Goal(score=plan["objective"]["score"], metric=plan["objective"]["metric"])
    return Goal(score="product_raw", metric="top1") if images else Goal(score="prior_calibrated", metric="log_loss")


def _rows_served(plan: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Returns configuration id to the rows of Table S2 that it measures."""
    return {
        digest(group["config"]): tuple(int(row.removeprefix("S2:")) for row in group["serves"] if row.startswith("S2:"))
        for group in plan.get("groups", ())
    }


@dataclass(frozen=True, slots=True)
class _Context:
    scale: Scale
    goal: Goal
    rows_of: Mapping[str, tuple[int, ...]]


def _settings(evaluations: list[Row], runs: list[Row], context: _Context) -> tuple[Setting, ...]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in evaluations:
        groups[row["config_id"]].append(row)
    first_number: dict[str, int] = {}
    for run in runs:
        first_number[run["config_id"]] = min(run["number"], first_number.get(run["config_id"], run["number"]))
    settings = [_setting(rows, context) for rows in groups.values()]
    return tuple(sorted(settings, key=lambda one: (ROLES.index(one.role), first_number.get(one.config_id, 0), one.label)))


def _setting(rows: list[Row], context: _Context) -> Setting:
    config = json.loads(rows[0]["config"])
    goal = context.goal
    role = _role(rows)
    fresh = [row for row in rows if row["role"] == "confirmation"]
    test: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in sorted(fresh if fresh and role == "search" else rows, key=lambda row: row["seed"]):
        for metric in METRICS if row["split"] == "test" else ():
            if row[metric] is not None:
                test[row["score"], metric].append(row[metric])
    searched = [row for row in rows if row["split"] == "tune" and row["role"] != "confirmation"]
    tune = [row[goal.metric] for row in searched if row["score"] == goal.score]
    config_id = rows[0]["config_id"]
    return Setting(
        config_id=config_id,
        label=name_setting(config, context.scale, context.rows_of.get(config_id, ())),
        role=role,
        confirmed=bool(fresh),
        permitted=config.get("train_on", "train") == "train",
        test={key: tuple(values) for key, values in test.items()},
        goal=mean(tune) if tune else None,
    )


def _role(rows: list[Row]) -> str:
    roles = {"search" if row["role"] in ("confirmation", "single") else row["role"] for row in rows}
    return min(roles, key=ROLES.index)


def _tried(runs: list[Row], scale: Scale, goal: Goal) -> tuple[Tried, ...]:
    searched = [run for run in runs if run["role"] in ("published", "search") and run[goal.metric] is not None]
    ordered = sorted(searched, key=lambda run: (run["number"], run["seed"]))
    found = [(run, json.loads(run["config"])) for run in ordered]
    return tuple(_one_tried(run, config, scale, goal) for run, config in found if config.get("train_on") == "train")


def _one_tried(run: Row, config: Mapping[str, Any], scale: Scale, goal: Goal) -> Tried:
    return Tried(
        number=run["number"],
        seed=run["seed"],
        label=name_setting(config, scale),
        role=run["role"],
        status=run["status"],
        epochs=run["epochs"],
        batch=config["batch"] * scale.k,
        lr=config["lr"] * math.sqrt(scale.k),
        sampler=config["sampler"],
        goal=run[goal.metric],
    )
