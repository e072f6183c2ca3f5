"""Recording what is done once for a sweep, in the same form as trials."""

import time
from typing import TYPE_CHECKING

from fieldmark.search.plan import SweepPlan
from fieldmark.search.provenance import provenance
from fieldmark.search.tasks import Task
from fieldmark.search.trial import tune_metrics
from fieldmark.store.evaluated import evaluation_record
from fieldmark.store.records import Cost, RunRecord

if TYPE_CHECKING:
    from fieldmark.config import MethodConfig
    from fieldmark.store import Store
    from fieldmark.training.evaluation import Evaluated


def stage_task(plan: SweepPlan, config: "MethodConfig", role: str) -> Task:
    """Returns the task of a stage's or a bound's run."""
    return plan.task(config, 0, {"number": -1, "role": role})


def commit_stage(store: "Store", task: Task, evaluated: "list[Evaluated]", seconds: float, epochs: int = 0) -> None:
    """Records evaluations and run of something done in this process, just now."""
    for one in evaluated:
        store.commit_evaluation(evaluation_record(task, one, 0, seconds), predictions=one.predictions)
    now = time.time()
    record = RunRecord(
        run_id=task.run_id,
        spec=task.spec,
        scale=task.scale,
        status="completed",
        metrics=tune_metrics(evaluated, task.objective.score),
        epochs=epochs,
        trial=task.trial,
        cost=Cost(seconds=seconds),
        provenance=provenance(now - seconds, now),
    )
    store.commit_run(record)
