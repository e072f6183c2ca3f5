"""What a sweep hands back."""

import json
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from pydantic import BaseModel, ConfigDict

from fieldmark.search.budget.report import Spending
from fieldmark.search.ledger import Ledger
from fieldmark.search.plan import Group, SweepPlan
from fieldmark.search.scheduler import Scheduler
from fieldmark.tables.limit_note import LimitNote

RUNS_FOR_BEST = 5
"""Fresh seeds that the word "best" needs (SCIENCE rule 9)."""


class Best(BaseModel):
    """The best setting by the objective on tune, and how it did on test."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    run_id: str
    """The first of its runs."""
    config: dict[str, Any]
    """As run on this data."""
    params: dict[str, Any]
    """In the paper's units."""
    metrics: dict[str, float]
    """On test, means over the runs; fractions, log_loss in nats."""
    run_ids: list[str]
    n: int
    """Runs behind the means."""
    confirmed: bool
    """Whether they are repetitions on fresh seeds, none of which took part in the choice."""
    enough_for_best: bool
    """Whether there are as many as SCIENCE rule 9 asks for before a setting is called best."""


class FailedRun(BaseModel):
    """A run that this command gave up; the same command tries it again."""

    model_config = ConfigDict(extra="forbid")

    run_id: str
    message: str


class SweepResult(BaseModel):
    """A sweep's end, or its state when it was stopped. Fields may be added; none will change its meaning."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    sweep: str
    dataset: str
    protocol: str
    scale: str
    objective: str
    """SCORE:METRIC, on tune; the metrics below are those of SCORE on test."""
    sampler: str
    """Optuna's."""
    new_runs: int
    done_runs: int
    """Recorded before this command."""
    failed_runs: int
    planned_runs: int
    failures: list[FailedRun]
    best: Best | None
    best_exact: Best | None
    """After a search with the sampled loss: the best setting with the exact one."""
    baselines: dict[str, dict[str, float]]
    bounds: dict[str, float]
    """The world only: fields seen to the top-1 accuracy that they allow."""
    seconds: float
    spending: Spending
    interrupted: bool
    terminated: bool
    """Whether it was interrupted by SIGTERM, as schedulers of clusters send it."""
    cut_off: list[str]
    """Runs that were stopped, and go on from their last checkpoint."""
    budget_spent: bool
    limit: LimitNote | None
    """The limit that has kept runs from being started, and the command that goes on."""
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        """Returns the object that `--json` prints (docs/reference/sweep.schema.json)."""
        return self.model_dump(mode="json")


def best_of(plan: SweepPlan, scheduler: Scheduler, ledger: Ledger) -> tuple[Best | None, Best | None]:
    """Returns the best setting's figures, and those of its run with the exact loss, where there is one."""
    chosen = scheduler.best()
    if chosen is None:
        return None, None
    confirmations = scheduler.confirmations()
    found = [_figures(plan, group, ledger, confirmed=True) for group in confirmations]
    exact = found[1] if len(found) > 1 else None
    return found[0] or _figures(plan, chosen, ledger, confirmed=False), exact


def baseline_metrics(plan: SweepPlan, ledger: Ledger, image_run: str | None) -> dict[str, dict[str, float]]:
    """Returns test metrics of every baseline that is recorded, and of the image scores alone."""
    found: dict[str, dict[str, float]] = {}
    for group in plan.groups:
        if group.role != "baseline":
            continue
        run_id = plan.spec(group.config, group.seeds[0]).run_id
        metrics = test_metrics(ledger, run_id, plan.objective.score)
        if metrics:
            found[group.config.method] = metrics
    if image_run is not None and (metrics := ledger.metrics(image_run, "test", "image")):
        found["image_only"] = metrics
    return found


def test_metrics(ledger: Ledger, run_id: str, score: str) -> dict[str, float]:
    """Returns a run's metrics on test for a score; of `joint` for a method that has no other."""
    return ledger.metrics(run_id, "test", score) or ledger.metrics(run_id, "test", "joint")


def _figures(plan: SweepPlan, group: Group, ledger: Ledger, *, confirmed: bool) -> Best | None:
    specs = [plan.spec(group.config, seed) for seed in group.seeds]
    recorded = [spec.run_id for spec in specs if ledger.get(spec.run_id) is not None]
    metrics = [found for run_id in recorded if (found := test_metrics(ledger, run_id, plan.objective.score))]
    if not metrics or len(recorded) < len(specs):
        return None
    return Best(
        run_id=recorded[0],
        config=group.config.model_dump(mode="json"),
        params=group.params,
        metrics=_means(metrics),
        run_ids=recorded,
        n=len(recorded),
        confirmed=confirmed,
        enough_for_best=confirmed and len(recorded) >= RUNS_FOR_BEST,
    )


def _means(metrics: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: fmean(one[name] for one in metrics) for name in metrics[0]}


def schema_text() -> str:
    """Returns the JSON schema of `--json`, as docs/reference/sweep.schema.json holds it."""
    return json.dumps(SweepResult.model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
