"""The sweep that is simulated: a real plan, a real scheduler, and what its trials would write."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fieldmark.search.simulation.options import SimulateOptions
from fieldmark.search.simulation.workload import Trial, Workload
from fieldmark.search.tasks import Outcome, Task
from fieldmark.search.trial import curve_table
from fieldmark.store.records import Cost, DatasetCard, EvaluationRecord, Provenance, RunRecord

if TYPE_CHECKING:
    from fieldmark.search.executors.bench import Unit
    from fieldmark.search.under_way import UnderWay
    from fieldmark.store import Store

CARD = DatasetCard(
    name="simulated",
    spec="simulated",
    fingerprint="simulated",
    protocol="official:0",
    categories=100,
    counts={"train": 50_000, "tune": 5_000, "test": 5_000},
    largest_category=500,
    category_size=500,
    has_images=True,
)


def make_scheduler(options: SimulateOptions, store: "Store") -> "UnderWay[Any]":
    """Returns the scheduler of a sweep as its command makes it, from what is in the store."""
    makers: dict[str, Callable[[SimulateOptions, Store], UnderWay[Any]]] = {"priorsnet": _priorsnet, "fusion": _fusion}
    return makers[options.sweep](options, store)


class Trials:
    """What simulated trials are, and what they write."""

    def __init__(self, workload: Workload, store: "Store") -> None:
        """Takes the store that they write to."""
        self._workload = workload
        self._store = store

    def seconds(self, unit: "Unit") -> float:
        """Returns how long a trial takes."""
        return self._of(unit).seconds

    def epochs(self, unit: "Unit") -> int:
        """Returns its epochs."""
        return len(self._of(unit).rows)

    def write(self, unit: "Unit") -> Outcome:
        """Writes what a trial writes when it ends: an evaluation, its curve, its record."""
        task, trial = unit.task, self._of(unit)
        if not self._store.has_run(task.run_id):
            self._store.commit_evaluation(_evaluation(task, trial))
            self._store.commit_run(_record(task, trial), curve=curve_table(trial.rows))
        return Outcome(run_id=unit.run_id, kind="recorded")

    def _of(self, unit: "Unit") -> Trial:
        return self._workload.of(unit.run_id, unit.task.trial.params)


def _evaluation(task: Task, trial: Trial) -> EvaluationRecord:
    return EvaluationRecord(
        run_ids=(task.run_id,),
        spec=task.spec,
        scale=task.scale,
        split="tune",
        score=task.objective.score,
        n=CARD.counts["tune"],
        metrics={"top1": trial.top1},
        role=task.trial.role,
        sweep=task.trial.sweep,
    )


def _record(task: Task, trial: Trial) -> RunRecord:
    return RunRecord(
        run_id=task.run_id,
        spec=task.spec,
        scale=task.scale,
        status="completed",
        metrics={"top1": trial.top1},
        parameters=1000,
        multiply_adds=1000,
        epochs=len(trial.rows),
        trial=task.trial,
        cost=Cost(seconds=trial.seconds, cpu_seconds=trial.seconds),
        provenance=Provenance(host="simulated", device="simulated"),
    )


def _priorsnet(options: SimulateOptions, store: "Store") -> "UnderWay[Any]":
    """Returns a sweep of nothing but Optuna's trials: rows run before them and confirmations after would blur it."""
    from fieldmark.config import choose_scale
    from fieldmark.search.facts import DataFacts
    from fieldmark.search.ledger import Ledger
    from fieldmark.search.options import sweep_options
    from fieldmark.search.plan import build_plan
    from fieldmark.search.proposals import Proposals
    from fieldmark.search.scheduler import Scheduler

    scale = choose_scale("paper", train_records=CARD.counts["train"], category_size=CARD.category_size)
    facts = DataFacts(card=CARD, scale=scale, has_dates=True, is_world=False)
    flags = sweep_options(trials=options.trials, sampler=options.sampler, search_seed=options.seed)
    plan = build_plan(flags, facts, {"image_scores": "simulated"}).model_copy(update={"groups": (), "seeds": 0})
    ledger = Ledger(store, CARD.fingerprint, CARD.protocol, plan.objective, plan.sweep_id)
    return Scheduler(plan, ledger, Proposals(store, plan.sweep_id))


def _fusion(options: SimulateOptions, store: "Store") -> "UnderWay[Any]":
    """Returns a whole sweep of fusions: published ones, Optuna's, the best again; one seed each."""
    from fieldmark.search.image_sweep.build import build_plan
    from fieldmark.search.image_sweep.ledger import ImageLedger
    from fieldmark.search.image_sweep.options import FusionSweepOptions
    from fieldmark.search.image_sweep.scheduler import ImageScheduler
    from fieldmark.search.proposals import Proposals
    from fieldmark.search.training.facts import TrainFacts

    facts = TrainFacts(card=CARD, has_places=True, has_dates=True, is_world=False)
    flags = FusionSweepOptions(trials=options.trials, seeds=1, sampler=options.sampler, search_seed=options.seed)
    plan = build_plan(flags, facts)
    return ImageScheduler(plan, ImageLedger(store, plan), Proposals(store, plan.sweep_id))
