"""An image sweep in virtual time: runs that nobody trains, whose accuracy is a function of their settings."""

import contextlib
import random
from collections.abc import Callable

from fieldmark.config import ClassifierConfig, FrozenConfig
from fieldmark.evaluation.record import score_of
from fieldmark.search.asha import RUNGS, Rungs
from fieldmark.search.drive import drive
from fieldmark.search.executors.simulated import SimulatedExecutor
from fieldmark.search.image_sweep.ledger import ImageLedger
from fieldmark.search.image_sweep.plan import ImageSweepPlan
from fieldmark.search.image_sweep.scheduler import ImageScheduler
from fieldmark.search.image_sweep.warm import warm_start
from fieldmark.search.image_task import ImageTask
from fieldmark.search.proposals import Proposals
from fieldmark.search.tasks import Outcome
from fieldmark.search.training.facts import TrainFacts
from fieldmark.store import Cost, DatasetCard, EvaluationRecord, RunRecord, Store
from fieldmark.store.records import stopped_id

Accuracy = Callable[[ClassifierConfig | FrozenConfig, int], float]
"""Of a configuration and a seed."""
EPOCHS = 8


class Killed(Exception):
    """The driver is gone."""


def image_facts(*, has_places: bool = True, has_dates: bool = True, name: str = "small") -> TrainFacts:
    """Returns the facts of a data set of 640 training pictures."""
    card = DatasetCard(
        name=name,
        spec=f"folder:{name}",
        fingerprint=f"f-{name}",
        protocol="official:0",
        categories=10,
        counts={"train": 640, "tune": 100, "test": 100},
        largest_category=64,
        category_size=64,
        has_images=True,
    )
    return TrainFacts(card=card, has_places=has_places, has_dates=has_dates, is_world=False)


def luck(config: ClassifierConfig | FrozenConfig, seed: int) -> float:
    """Returns an accuracy that has no reason but is always the same."""
    return random.Random(f"{config.config_id} {seed}").random()


def size_of(config: ClassifierConfig | FrozenConfig) -> int:
    """Returns made-up parameters: those of a layer of the fusion's width."""
    return 1000 + int(config.fusion_settings.get("d", 0)) ** 2


class SimulatedImages:
    """A store, and a driver of simulated sweeps on it."""

    def __init__(self, accuracy: Accuracy = luck) -> None:
        """Starts with an empty store."""
        self.store = Store.open("memory://")
        self.done: list[str] = []
        """Run ids in the order in which they were done, over all drivers."""
        self.units: dict[str, ImageTask] = {}
        self.fail: Callable[[ImageTask], bool] = lambda _: False
        self.lose: set[int] = set()
        """Positions, over all drivers, of runs whose worker is killed."""
        self.attempts = 0
        self._accuracy = accuracy

    def do(self, unit: ImageTask) -> Outcome:
        """Ends a unit as a bench would, in no time."""
        position, self.attempts = self.attempts, self.attempts + 1
        if position in self.lose:
            return Outcome(run_id=unit.run_id, kind="lost")
        if self.fail(unit):
            return Outcome(run_id=unit.run_id, kind="failed", message="it raised")
        if unit.start is not None:
            assert self.store.has_run(unit.start), "a run before the one that it starts from"
        self.done.append(unit.run_id)
        self.units[unit.run_id] = unit
        self._record(unit)
        return Outcome(run_id=unit.run_id, kind="recorded")

    def scheduler(self, plan: ImageSweepPlan) -> ImageScheduler:
        """Returns a scheduler as a command makes it."""
        ledger, proposals = ImageLedger(self.store, plan), Proposals(self.store, plan.sweep_id)
        return ImageScheduler(plan, ledger, proposals, warm_start(self.store, plan).groups)

    def drive(self, plan: ImageSweepPlan, *, workers: int = 1, kill_after: int | None = None) -> ImageScheduler:
        """Drives until the end, or until so many runs have ended and the driver is killed."""
        scheduler = self.scheduler(plan)
        lengths = random.Random(workers)
        executor = SimulatedExecutor(workers, self.do, lambda _: lengths.uniform(1, 3))
        begun = self.attempts

        def watch(*_: object) -> None:
            if kill_after is not None and self.attempts - begun >= kill_after:
                raise Killed

        with contextlib.suppress(Killed):
            drive(scheduler, executor, watch)
        return scheduler

    def _record(self, unit: ImageTask) -> None:
        task = unit.task
        config = task.spec.config
        assert isinstance(config, ClassifierConfig | FrozenConfig)
        value = self._accuracy(config, task.spec.seed)
        rungs = Rungs(self.store, task.trial.sweep, task.objective)
        stopped = task.early_stopping and not rungs.decide(task.run_id, RUNGS[0], value)
        for split in () if stopped else ("tune", "test"):
            for view in ("", *unit.views):
                self.store.commit_evaluation(
                    EvaluationRecord.model_validate(
                        {
                            "run_ids": (task.run_id,),
                            "spec": task.spec,
                            "scale": task.scale,
                            "split": split,
                            "score": score_of(config),
                            "n": 100,
                            "metrics": {"top1": value},
                            "view": view,
                        }
                    )
                )
        self.store.commit_run(
            RunRecord(
                run_id=stopped_id(task.run_id, task.trial.sweep) if stopped else task.run_id,
                spec=task.spec,
                scale=task.scale,
                status="stopped" if stopped else "completed",
                metrics={"top1": value},
                parameters=size_of(config),
                multiply_adds=10 * size_of(config),
                epochs=RUNGS[0] if stopped else EPOCHS,
                trial=task.trial,
                cost=Cost(seconds=10.0, cpu_seconds=10.0),
            )
        )
