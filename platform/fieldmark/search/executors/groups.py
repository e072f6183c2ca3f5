"""Does image units whose runs are trained by groups of Ray Train workers, as many groups at once as there is room for.

Each group is a `TorchTrainer` in a thread of the driver, not inside a Tune function: our own scheduler starts, stops
and hears the end of runs, so that Tune would add nothing but a process of half a gigabyte a run and its start of some
seconds; and a trial that Tune stops kills the group where it is, while a group of ours saves its state and leaves.
Train V2 takes no signal handler outside the main thread, and its controller is an actor without CPUs.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from fieldmark.data.open import MAX_BAD_SHARE
from fieldmark.errors import UserError
from fieldmark.evaluation.limits import BUDGET
from fieldmark.search.executors.bench import Unit
from fieldmark.search.executors.held import Held
from fieldmark.search.executors.pulse import HANG_AFTER
from fieldmark.search.executors.ray_session import group_session
from fieldmark.search.image_task import ImageTask
from fieldmark.search.interruption import CutOff
from fieldmark.search.out_of_memory import is_of_gpu
from fieldmark.search.stopwatch import Start
from fieldmark.search.tasks import Outcome, Task
from fieldmark.search.training.failed import TrainingFailed
from fieldmark.search.training.group import PATIENCE_TO_SAVE, GroupTraining
from fieldmark.search.training.image_bench import ImageBench, is_trained
from fieldmark.search.training.job import Extension, Job
from fieldmark.search.training.room import Room
from fieldmark.search.trial import record_failure

if TYPE_CHECKING:
    from fieldmark.store import Store
    from fieldmark.training.classifier.execution import StepInfo

Say = Callable[[str], None]


class GroupExecutor:
    """Units as groups of workers; their views are evaluated by this process, one unit at a time."""

    def __init__(
        self,
        store: "Store",
        *,
        address: str | None,
        say: Say,
        workers: int,
        cache: str | None,
        max_concurrent: int | None = None,
        max_failures: int = 3,
        max_bad_share: float = MAX_BAD_SHARE,
        probabilities_budget: int = BUDGET,
        extensions: tuple[Extension, ...] = (),
        hang_after: float = HANG_AFTER,
    ) -> None:
        """Joins or starts Ray, and counts the groups that can be placed.

        Args:
            store: every node must reach it.
            address: of the cluster (see `RaySession`).
            say: shows a line.
            workers: the most that any unit asks for.
            cache: folder of packed pictures; None: the user's of every node.
            max_concurrent: groups at a time; None: as many as there is room for.
            max_failures: how often a run starts again from its checkpoint after a worker has died.
            max_bad_share: of records or pictures that may be left out.
            probabilities_budget: bytes that all kept probabilities of the store may take.
            extensions: a user's files.
            hang_after: see `GroupTraining`.

        Raises:
            UserError: Ray, the CPUs of one group or the store are not to be had.
        """
        self._store, self._say, self._workers, self._max_failures = store, say, workers, max_failures
        self._extensions, self._hang_after = extensions, hang_after
        self._open = contextlib.ExitStack()
        self._session = self._open.enter_context(group_session(address, say))
        try:
            nodes, has = self._session.nodes(), self._session.resources()
            self.capacity, self._room = Room.of_groups(nodes, workers, has, max_concurrent)
            self._session.check_nodes(store)
            self._bench = ImageBench(
                store,
                cache=cache,
                max_bad_share=max_bad_share,
                probabilities_budget=probabilities_budget,
                extensions=extensions,
                say=say,
            )
        except BaseException:
            self._open.close()
            raise
        say(f"{self.capacity} group(s) at a time, each {self._room.describe()}")
        self._one_at_a_time = threading.Lock()
        self._stopping = threading.Event()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._groups: dict[str, _Listener] = {}
        self._threads: list[threading.Thread] = []

    def start(self, unit: Unit) -> None:
        """Starts a unit's group in a thread of its own."""
        assert isinstance(unit, ImageTask)
        assert unit.workers <= self._workers, "more workers than room was looked for"
        self._groups[unit.run_id] = _Listener(self._say)
        thread = threading.Thread(target=self._run, args=(unit,), name=unit.run_id, daemon=True)
        self._threads.append(thread)
        thread.start()

    def poll(self, timeout: float) -> list[Outcome]:
        """Returns what has ended, waiting for the first at most so many seconds."""
        found: list[Outcome] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._outcomes.get(timeout=timeout))
            while True:
                found.append(self._outcomes.get_nowait())
        for outcome in found:
            del self._groups[outcome.run_id]
        return found

    def holds(self, unit: Unit) -> Held:
        """Returns the CPUs and GPUs that a unit's group has."""
        assert isinstance(unit, ImageTask)
        if unit.run_id in self.waiting:
            return 0.0, 0.0
        each = self._room.resources
        return unit.workers * each["CPU"], unit.workers * each.get("GPU", 0.0)

    @property
    def waiting(self) -> set[str]:
        """Units of whose workers nothing has been heard yet: they hold nothing, or are about to begin."""
        return {run_id for run_id, group in list(self._groups.items()) if not group.signs}

    def epochs(self) -> Mapping[str, int]:
        """Returns the finished epochs of runs under way."""
        return {run_id: group.epoch for run_id, group in self._groups.items()}

    def stop(self) -> None:
        """Asks every group to save its state, waits for that, and leaves Ray."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(PATIENCE_TO_SAVE)
        self._open.close()

    def _run(self, unit: ImageTask) -> None:
        started = Start.now()
        try:
            outcome = self._done(unit)
        except CutOff:
            outcome = Outcome(run_id=unit.run_id, kind="lost", message="it was cut off")
        except TrainingFailed as error:
            apart = self._room.gpu and is_of_gpu(str(error))  # each of its workers has a GPU of its own anyway
            outcome = Outcome(run_id=unit.run_id, kind=error.kind, message=str(error), apart=apart)
        except UserError as error:
            record_failure(self._store, unit.task, str(error), started)
            outcome = Outcome(run_id=unit.run_id, kind="failed", message=str(error))
        except Exception as error:  # e.g. Ray is gone: nothing was recorded
            message, epoch = f"{type(error).__name__}: {error}", self._groups[unit.run_id].epoch
            outcome = Outcome(run_id=unit.run_id, kind="lost", message=message, epoch=epoch)
        self._outcomes.put(outcome)

    def _done(self, unit: ImageTask) -> Outcome:
        if not is_trained(unit, self._store):
            with self._one_at_a_time:
                data = self._bench.data.experiment(unit)
            room = replace(self._room, workers=unit.workers)
            training = GroupTraining(
                self._job(unit),
                self._store,
                self._groups[unit.run_id],
                lambda: not self._stopping.is_set(),
                workers=(unit.workers,),
                hang_after=self._hang_after,
            )
            training.train(data, self._session, room, max_failures=self._max_failures)
        with self._one_at_a_time:  # the run is recorded: what is left are its views
            return self._bench.do(unit, keep_going=lambda: not self._stopping.is_set())

    def _job(self, unit: ImageTask) -> Job:
        return Job(
            runs=(unit.task,),
            main=unit.run_id,
            start=unit.start,
            extensions=self._extensions,
            threads=self._room.threads,
            loader_processes=None,
            compile=False,
            weights_file=None,
            keep_weights=True,
        )


class _Listener:
    """Hears one group, and notes how far it is."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.signs = 0
        self.epoch = 0

    def run(self, task: Task) -> None:
        self.signs += 1

    def step(self, info: "StepInfo") -> None:
        self.signs += 1
        self.epoch = info.epoch if info.step == info.steps else info.epoch - 1
