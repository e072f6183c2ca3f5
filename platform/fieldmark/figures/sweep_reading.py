"""Gathers what a sweep measured from the store's flat columns."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fieldmark.config import Scale, digest
from fieldmark.figures.setting_labels import name_setting
from fieldmark.figures.sweep_members import Row, evaluations_of, runs_of
from fieldmark.figures.sweep_scores import ROLES, Goal, Setting, SweepScores, Tried, mean
from fieldmark.store.records import METRICS, DatasetCard

if TYPE_CHECKING:
    from fieldmark.store import Store

_COMMON = ("run_id", "method", "config_id", "config", "seed", "role", *METRICS)
_RUN = (*_COMMON, "status", "number", "epochs")
_EVALUATION = (
    *_COMMON, "dataset", "fingerprint", "protocol", "scale", "scale_k", "category_size", "split", "score", "n",
)  # fmt: skip


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
    scale = _scale(plan, first)
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
        tried=_tried(evaluations, runs, scale, goal),
    )


def _scale(plan: Mapping[str, Any], row: Row) -> Scale:
    """Returns the planned scale; without a plan that of a row, which no training has lent then."""
    if "facts" in plan:
        return Scale.model_validate(plan["facts"]["scale"])
    return Scale(name=row["scale"], k=row["scale_k"], category_size=row["category_size"])


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


def _settings(evaluations: Sequence[Row], runs: Sequence[Row], context: _Context) -> tuple[Setting, ...]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in evaluations:
        groups[row["config_id"]].append(row)
    first_number: dict[str, int] = {}
    for run in runs:
        first_number[run["config_id"]] = min(run["number"], first_number.get(run["config_id"], run["number"]))
    settings = [_setting(rows, context) for rows in groups.values()]
    return tuple(
        sorted(settings, key=lambda one: (ROLES.index(one.role), first_number.get(one.config_id, 0), one.label))
    )


def _setting(rows: Sequence[Row], context: _Context) -> Setting:
    config = json.loads(rows[0]["config"])
    goal = context.goal
    fresh = [row for row in rows if row["role"] == "confirmation"]
    test: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in sorted(fresh or rows, key=lambda row: row["seed"]):
        for metric in METRICS if row["split"] == "test" else ():
            if row[metric] is not None:
                test[row["score"], metric].append(row[metric])
    searched = [row for row in rows if row["split"] == "tune" and row["role"] != "confirmation"]
    tune = [row[goal.metric] for row in searched if row["score"] == goal.score]
    config_id = rows[0]["config_id"]
    return Setting(
        config_id=config_id,
        label=name_setting(config, context.scale, context.rows_of.get(config_id, ())),
        role=_role(rows),
        confirmed=bool(fresh),
        permitted=config.get("train_on", "train") == "train",
        information=config.get("information", ""),
        test={key: tuple(values) for key, values in test.items()},
        goal=mean(tune) if tune else None,
    )


def _role(rows: Sequence[Row]) -> str:
    roles = {"search" if row["role"] in ("confirmation", "single") else row["role"] for row in rows}
    return min(roles, key=ROLES.index)


def _tried(evaluations: Sequence[Row], runs: Sequence[Row], scale: Scale, goal: Goal) -> tuple[Tried, ...]:
    judged = [row for row in evaluations if (row["split"], row["score"]) == ("tune", goal.score)]
    values = {row["run_id"]: row[goal.metric] for row in judged}
    searched = [run for run in runs if run["role"] in ("published", "search")]
    found = []
    for run in sorted(searched, key=lambda run: (run["number"], run["seed"])):
        config = json.loads(run["config"])
        value = values.get(run["run_id"], run[goal.metric])  # a stopped run has no evaluation, only its last rung
        if value is not None and config.get("train_on") == "train":
            found.append(_one_tried(run, config, scale, value))
    return tuple(found)


def _one_tried(run: Row, config: Mapping[str, Any], scale: Scale, value: float) -> Tried:
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
        goal=value,
    )
