"""The world's bounds: its Bayes classifier, run on the same test records for every set of fields (SCIENCE rule 19)."""

import time
from typing import TYPE_CHECKING, get_args

from fieldmark.config import BayesConfig
from fieldmark.data.experiment import ExperimentData
from fieldmark.data.observations import DataSet, Split
from fieldmark.search.ledger import evaluation_id
from fieldmark.search.plan import SweepPlan
from fieldmark.search.stages.commit import commit_stage, stage_task
from fieldmark.search.tasks import Task

if TYPE_CHECKING:
    from fieldmark.store import Store

INFORMATION = get_args(BayesConfig.model_fields["information"].annotation)


def bound_configs(plan: SweepPlan) -> list[BayesConfig]:
    """Returns the Bayes classifier for every set of fields, at the resolution that the image scores were made from."""
    resolution = plan.image_stage.resolution
    return [BayesConfig(information=information, resolution=resolution) for information in INFORMATION]


def _task(plan: SweepPlan, config: BayesConfig) -> Task:
    """Returns a bound's task; it consumes no stage, so every sweep on the same data shares it."""
    task = stage_task(plan, config, "bound")
    return task.model_copy(update={"spec": task.spec.model_copy(update={"stages": {}})})


def missing_bounds(plan: SweepPlan, store: "Store") -> list[BayesConfig]:
    """Returns those that are not recorded; none for data whose truth is not known."""
    if not plan.facts.is_world:
        return []
    return [config for config in bound_configs(plan) if not store.has_run(_task(plan, config).run_id)]


def commit_bounds(data: ExperimentData, dataset: DataSet, plan: SweepPlan, store: "Store") -> None:
    """Records the bounds that are missing."""
    from fieldmark.data.world.reader import open_world
    from fieldmark.training.evaluation import evaluate_scores

    for config in missing_bounds(plan, store):
        started = time.perf_counter()
        world = open_world(plan.facts.card.spec)
        scores_NC = world.posterior(dataset.indices(Split.TEST), config.information, config.resolution)
        evaluated = evaluate_scores(data.parts[Split.TEST], "test", "joint", scores_NC)
        commit_stage(store, _task(plan, config), [evaluated], time.perf_counter() - started)


def read_bounds(plan: SweepPlan, store: "Store") -> dict[str, float]:
    """Returns the top-1 accuracy that each set of fields allows on the test records, by `BayesConfig.information`."""
    if not plan.facts.is_world:
        return {}
    found: dict[str, float] = {}
    for config in bound_configs(plan):
        task = _task(plan, config)
        if store.has_run(task.run_id):
            record = store.evaluation(evaluation_id(task.run_id, "test", "joint"))
            found[config.information] = record.metrics["top1"]
    return found
