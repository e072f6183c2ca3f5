"""Small plans, runners that train nothing, and small data to train on."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from fieldmark.config import ClassFrequencyConfig, choose_scale
from fieldmark.search.drive import drive
from fieldmark.search.executors.simulated import SimulatedExecutor
from fieldmark.search.facts import DataFacts
from fieldmark.search.ledger import Ledger
from fieldmark.search.options import sweep_options
from fieldmark.search.plan import SweepPlan, build_plan
from fieldmark.search.proposals import Proposals
from fieldmark.search.scheduler import Scheduler
from fieldmark.search.tasks import Outcome, Task
from fieldmark.store import Store
from fieldmark.store.records import DatasetCard, RunRecord


class Killed(Exception):
    """The driver is gone."""


def data_facts(**changes: object) -> DataFacts:
    """A balanced data set of 50 records a category, on which no published cap binds."""
    card = {
        "name": "small",
        "spec": "table:small.csv",
        "fingerprint": "f",
        "protocol": "official:0",
        "categories": 10,
        "counts": {"train": 500, "tune": 50, "test": 50},
        "largest_category": 50,
        "category_size": 50,
        "has_images": True,
    } | changes
    scale = choose_scale("smoke", train_records=500, category_size=50)
    return DataFacts(card=DatasetCard.model_validate(card), scale=scale, has_dates=True, is_world=False)


def make_plan(facts: DataFacts | None = None, **flags: object) -> SweepPlan:
    plan = build_plan(sweep_options(**flags), facts or data_facts(), {"image_scores": "s"})
    return plan.with_baselines([ClassFrequencyConfig()])


@dataclass
class Bench:
    """A store and a driver of simulated sweeps on it."""

    store: Store = field(default_factory=lambda: Store.open("memory://"))
    done: list[str] = field(default_factory=list)
    """Run ids in the order in which they were trained, over all drivers."""
    fail: set[int] = field(default_factory=set)
    """Positions (over all drivers) of runs that raise."""
    lose: set[int] = field(default_factory=set)
    """Positions of runs whose worker is killed."""
    attempts: int = 0

    def run(self, task: Task) -> Outcome:
        position, self.attempts = self.attempts, self.attempts + 1
        if position in self.lose:
            return Outcome(run_id=task.run_id, kind="lost")
        if position in self.fail:
            return Outcome(run_id=task.run_id, kind="failed", message="it raised")
        self.done.append(task.run_id)
        self.store.commit_run(self.record(task))
        return Outcome(run_id=task.run_id, kind="recorded")

    def record(self, task: Task) -> RunRecord:
        value = random.Random(task.run_id).random()
        return RunRecord(
            run_id=task.run_id,
            spec=task.spec,
            scale=task.scale,
            status="completed",
            metrics={"top1": value, "log_loss": 1 - value},
            trial=task.trial,
        )

    def scheduler(self, plan: SweepPlan) -> Scheduler:
        card = plan.facts.card
        ledger = Ledger(self.store, card.fingerprint, card.protocol, plan.objective, plan.sweep_id)
        return Scheduler(plan, ledger, Proposals(self.store, plan.sweep_id))

    def drive(self, plan: SweepPlan, *, workers: int = 1, kill_after: int | None = None) -> Scheduler:
        """Drives until the end, or until so many runs have ended and the driver is killed."""
        scheduler = self.scheduler(plan)
        lengths = random.Random(workers)
        executor = SimulatedExecutor(workers, self.run, lambda _: lengths.uniform(1, 3))
        begun = self.attempts

        def watch(*_: object) -> None:
            if kill_after is not None and self.attempts - begun >= kill_after:
                raise Killed

        with contextlib.suppress(Killed):
            drive(scheduler, executor, watch)
        return scheduler


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="session")
def new_bench() -> Callable[[], Bench]:
    return Bench


@pytest.fixture(scope="session")
def plan_of() -> Callable[..., SweepPlan]:
    return make_plan


@pytest.fixture(scope="session")
def facts_with() -> Callable[..., DataFacts]:
    return data_facts


def write_records(path: Path, *, dates: bool = True, seed: int = 0) -> Path:
    """Writes 240 records of 4 species, two in the east, two in the west, as a table with a split."""
    draw = np.random.default_rng(seed)
    lines = ["species,latitude,longitude,date,split"]
    for number in range(240):
        species = number % 4
        longitude = (-60 if species < 2 else 60) + draw.normal(0, 15)
        date = f"2020-{1 + (6 * (species % 2) + int(draw.integers(0, 4))) % 12:02d}-10" if dates else ""
        split = "train" if number < 160 else "val" if number < 200 else "test"
        lines.append(f"species{species},{draw.uniform(-40, 40):.4f},{longitude:.4f},{date},{split}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return write_records(tmp_path / "records.csv")


@pytest.fixture
def undated_records(tmp_path: Path) -> Path:
    return write_records(tmp_path / "undated.csv", dates=False)


@pytest.fixture(scope="session")
def small_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_records(tmp_path_factory.mktemp("data") / "records.csv")
