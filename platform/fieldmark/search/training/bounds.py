"""The world's bounds at the training resolution: recorded once, and shared with sweeps (SCIENCE rule 19)."""

import time
from typing import TYPE_CHECKING

from fieldmark.config import BayesConfig
from fieldmark.data.observations import DataSet, Split
from fieldmark.search.ledger import evaluation_id
from fieldmark.search.stages.commit import commit_stage
from fieldmark.search.tasks import Task
from fieldmark.search.training.plan import TrainPlan

if TYPE_CHECKING:
    from fieldmark.store import Store


def commit_bounds(plan: TrainPlan, dataset: DataSet, store: "Store") -> None:
    """Runs the Bayes classifier on the test records where it is not recorded."""
    for task in plan.bounds:
        commit_bound(task, dataset, plan.facts.card.spec, store)


def commit_bound(task: Task, dataset: DataSet, spec: str, store: "Store") -> None:
    """Runs the Bayes classifier of one task on the test records, unless it is recorded.

    Args:
        task: its configuration is a `BayesConfig`.
        dataset: the world's records, split.
        spec: the world, as typed after --data.
        store: where it is recorded.
    """
    from fieldmark.data.experiment import part_of
    from fieldmark.data.world.reader import open_world
    from fieldmark.training.evaluation import evaluate_scores

    config = task.spec.config
    assert isinstance(config, BayesConfig)
    if store.has_run(task.run_id):
        return
    started = time.perf_counter()
    indices = dataset.indices(Split.TEST)
    scores_NC = open_world(spec).posterior(indices, config.information, config.resolution)
    evaluated = evaluate_scores(part_of(dataset.observations, indices), "test", "joint", scores_NC)
    commit_stage(store, task, [evaluated], time.perf_counter() - started)


def read_bounds(plan: TrainPlan, store: "Store") -> dict[str, dict[str, float]]:
    """Returns the test metrics that each set of fields allows, by `BayesConfig.information`."""
    found: dict[str, dict[str, float]] = {}
    for task in plan.bounds:
        if store.has_run(task.run_id) and isinstance(task.spec.config, BayesConfig):
            record = store.evaluation(evaluation_id(task.run_id, "test", "joint"))
            found[task.spec.config.information] = dict(record.metrics)
    return found
