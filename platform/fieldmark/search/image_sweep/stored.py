"""The plan as it is stored, for figures, tables and pages, which must not import what plans.

It names every run of the sweep: one that another command recorded first keeps that command's trial.
"""

from collections.abc import Sequence
from typing import Any

from fieldmark.search.image_sweep.ledger import Standing
from fieldmark.search.image_sweep.plan import KIND, Group, ImageSweepPlan
from fieldmark.search.image_sweep.scheduler import ImageScheduler
from fieldmark.search.image_sweep.warm import WarmGroup


def stored_plan(plan: ImageSweepPlan, scheduler: ImageScheduler, warm: Sequence[WarmGroup]) -> dict[str, Any]:
    """Returns the JSON object that `Store.put_plan` keeps: the sweep and all groups known now, and how they stand."""
    groups = scheduler.groups()
    return {
        "kind": KIND,
        "space": plan.space.NAME,
        "frozen": plan.frozen,
        "facts": {
            **plan.facts.model_dump(mode="json"),
            "scale": plan.scale_of(plan.base).model_dump(mode="json"),
        },
        "stages": {},
        "scale": plan.described,
        "objective": {"score": "joint", "metric": "top1"},
        "objectives": list(plan.objectives),
        "directions": plan.directions,
        "sampler": plan.sampler,
        "search_seed": plan.search_seed,
        "scheduler": "asha" if plan.early_stopping else "none",
        "warm_start": plan.warm_start,
        "trials": plan.trials,
        "seeds": plan.seeds,
        "varied": list(dict.fromkeys(name for group in groups for name in group.params)),
        "base": plan.base.model_dump(mode="json"),
        "groups": [_group(plan, group, scheduler.stands(group)) for group in groups],
        "warm": [one.model_dump(mode="json") for one in warm],
    }


def label(group: Group) -> str:
    """Returns a setting in a few words, for axes and tables."""
    config, params = group.config, group.params
    if "resolution" in params or not config.looks_at_location:
        return f"{config.fusion} {config.backbone} {config.resolution} px"
    names = {"d": "d", "h": "h", "blocks": "N"}
    known = [
        f"{short}={config.fusion_settings[name]}" for name, short in names.items() if name in config.fusion_settings
    ]
    return " ".join([config.fusion, *known])


def _group(plan: ImageSweepPlan, group: Group, standing: Standing) -> dict[str, Any]:
    return {
        "number": group.number,
        "role": group.role,
        "label": label(group),
        "name": group.name,
        "config": group.config.model_dump(mode="json"),
        "params": group.params,
        "distributions": group.distributions,
        "seeds": list(group.seeds),
        "run_ids": [plan.unit(group, seed).run_id for seed in group.seeds],
        "views": list(group.views),
        "state": standing.state,
        "values": list(standing.values) if standing.state == "complete" else None,
    }
