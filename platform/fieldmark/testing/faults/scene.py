"""A small command that faults are injected into, and what can be seen of it from outside."""

import json
import re
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fieldmark.store import Store
from fieldmark.testing.faults.command import Command
from fieldmark.testing.faults.difference import difference
from fieldmark.testing.faults.end_state import check_sweep

ROOT = Path(__file__).resolve().parents[4]
SMALL_WORLD = "world:species=9,per_category=20,val_per_category=8,test_per_category=10,full=2"
A_SWEEP = ("--data", SMALL_WORLD, "--trials", "8", "--seeds", "1", "--sampler", "random", "--max-concurrent", "2")
"""With a random sampler seeds fix every setting, so that a disturbed sweep must end as an undisturbed one."""
A_TRAINING = (
    *("--data", "world:species=12,per_category=24,val_per_category=8,test_per_category=10,full=2"),
    *("--fusion", "image_only", "--epochs", "40", "--batch", "32", "--workers", "2", "--max-failures", "20"),
)
PATIENCE = 900.0
LOG = "driver.log"
AGAIN = re.compile(r"^trying again: .*\(run ([0-9a-f]+)\)", re.MULTILINE)
MOST_COMMANDS = 4
"""The same command at most so often, until it has ended well."""


@dataclass(frozen=True, kw_only=True)
class Scene(ABC):
    """A command and the folder with a store of its own in which it runs."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of the command."""

    @property
    @abstractmethod
    def job(self) -> tuple[str, ...]:
        """The program in `jobs/` and its flags."""

    @abstractmethod
    def progress(self) -> float:
        """Returns a number that grows when the work goes on."""

    @abstractmethod
    def check(self, printed: Mapping[str, Any], undisturbed: Store) -> tuple[str, ...]:
        """Returns what holds at the end, in words.

        Raises:
            AssertionError: something was lost.
        """

    @property
    def store(self) -> Path:
        """The folder of the store."""
        return self.folder / "store"

    def opened(self) -> Store:
        """Opens the store."""
        return Store.open(str(self.store), create=False)

    def start(self, *flags: str) -> Command:
        """Starts the command, or goes on with it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        program, *mine = self.job
        flags = (*mine, *flags, "--store", str(self.store))
        return Command(
            ROOT / "jobs" / program, flags, self.folder, log=LOG, environment=self.environment, patience=PATIENCE
        )

    def ended(self, command: Command, *flags: str) -> dict[str, Any]:
        """Has the command end, and again, with these flags, where it gave runs up.

        Returns:
            What it printed at last; under `given_up` how many runs it gave up before.
        """
        given_up = 0
        for _ in range(MOST_COMMANDS):
            code, output = command.ended()
            printed = dict(json.loads(output)) if code == 0 else {"failed_runs": 1}
            if not printed.get("failed_runs"):
                return printed | {"given_up": given_up}
            given_up += printed["failed_runs"]
            command = self.start(*flags)
        raise AssertionError(f"after {MOST_COMMANDS} commands the exit code is {code}; see {self.folder / LOG}")

    def remove(self) -> None:
        """Deletes all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def whole(self) -> Store:
        """Has the command end in a store that nothing befalls, once; returns the store."""
        printed = self.folder / "printed.json"
        if not printed.exists():
            printed.write_text(json.dumps(self.ended(self.start())))
        return self.opened()

    def tried_again(self) -> list[str]:
        """Returns the beginnings of the ids of the runs that drivers have said to try again."""
        log = self.folder / LOG
        return AGAIN.findall(log.read_text()) if log.exists() else []

    def wait_for_progress(self, command: Command, more: float = 1) -> bool:
        """Waits until there is so much more; False where the command ends before."""
        due = self.progress() + more
        return command.watch(lambda: self.progress() >= due)


@dataclass(frozen=True, kw_only=True)
class SweepScene(Scene):
    """A sweep of PriorsNet of 19 runs."""

    @property
    def job(self) -> tuple[str, ...]:
        """The program in `jobs/` and its flags."""
        return ("sweep_priorsnet.py", *A_SWEEP)

    def progress(self) -> float:
        """Returns how many runs are recorded, without reading them."""
        return len(self.moments())

    def moments(self) -> list[float]:
        """Returns when each run was recorded, Unix time."""
        return [one.stat().st_mtime for one in self.store.glob("records/*/record.json")]

    def check(self, printed: Mapping[str, Any], undisturbed: Store) -> tuple[str, ...]:
        """Returns what holds at the end; see `check_sweep`."""
        return check_sweep(self.opened(), printed["sweep"], undisturbed)


@dataclass(frozen=True, kw_only=True)
class TrainingScene(Scene):
    """A training by two Ray Train workers, which saves its state after every epoch."""

    @property
    def job(self) -> tuple[str, ...]:
        """The program in `jobs/` and its flags."""
        return ("train_dynamic_mlp.py", *A_TRAINING)

    def progress(self) -> float:
        """Returns when the state was last saved: it is one object, replaced as a whole."""
        return max((one.stat().st_mtime for one in self.store.glob("checkpoints/*/state.bin")), default=0.0)

    def check(self, printed: Mapping[str, Any], undisturbed: Store) -> tuple[str, ...]:
        """Returns what holds at the end."""
        assert difference(undisturbed, self.opened()) == 0.0, "every epoch and every evaluation is the same"
        return ("run, curve and evaluations equal those of the undisturbed training",)


class Recovery:
    """Counts the seconds from a fault until what it undid is done."""

    def __init__(self, scene: Scene) -> None:
        """Starts with the fault."""
        self._scene = scene
        self._before = scene.progress()
        self._told_before = len(scene.tried_again())
        self._since = time.monotonic()

    def wait(self, command: Command) -> float | None:
        """Waits for a sign; None where the command ends without one: the fault came after the last."""
        return self._until(command, self._seen)

    def wait_for_runs(self, command: Command) -> float | None:
        """Waits until the runs are recorded that the driver tries again since the fault; None where there are none."""
        return self._until(command, self._done_again)

    @property
    def told(self) -> bool:
        """Whether the driver has tried any run again since the fault."""
        return len(self._scene.tried_again()) > self._told_before

    def _until(self, command: Command, seen: Callable[[], bool]) -> float | None:
        there = command.watch(seen) or seen()
        return round(time.monotonic() - self._since, 2) if there else None

    def _seen(self) -> bool:
        return self._scene.progress() > self._before

    def _done_again(self) -> bool:
        runs = self._scene.tried_again()[self._told_before :]
        return bool(runs) and all(any(self._scene.store.glob(f"records/{run}*/record.json")) for run in runs)
