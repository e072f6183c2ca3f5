"""Trains by a group of Ray Train workers, and watches over them."""

import contextlib
import shutil
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.errors import UserError
from fieldmark.search.executors.pulse import HANG_AFTER
from fieldmark.search.executors.ray_session import RaySession, group_session
from fieldmark.search.executors.watchdog import Watchdog
from fieldmark.search.interruption import CutOff, KeepGoing
from fieldmark.search.out_of_memory import is_out_of_memory
from fieldmark.search.stopwatch import Start
from fieldmark.search.tasks import Task
from fieldmark.search.training.audience import Audience
from fieldmark.search.training.failed import TrainingFailed
from fieldmark.search.training.group_pulse import GroupPulse
from fieldmark.search.training.job import Job
from fieldmark.search.training.link import Failed, Mailbox, Message
from fieldmark.search.training.room import Room
from fieldmark.search.trial import record_failure

if TYPE_CHECKING:
    from fieldmark.store import Store

EVERY = 0.2
PATIENCE_TO_SAVE = 60.0
"""Seconds that a run gets to save its state after Ctrl-C."""
PATIENCE_TO_END = 15.0
"""Seconds that a group gets to end after it has said that it failed."""


class GroupTraining:
    """A job done by workers; use once."""

    def __init__(
        self,
        job: Job,
        store: "Store",
        audience: Audience,
        keep_going: KeepGoing,
        *,
        workers: tuple[int, ...],
        on_joined: Callable[[], None] = lambda: None,
        hang_after: float = HANG_AFTER,
    ) -> None:
        """Takes the job.

        Args:
            job: the runs; its `threads` is what each worker gets where that is set (above 0).
            store: every node must reach it.
            audience: told what workers say.
            keep_going: asked several times a second; False stops training after its next step.
            workers: the allowed numbers of workers, ascending.
            on_joined: called once this process is part of Ray, which then has handlers of signals.
            hang_after: seconds without a sign of life of any worker after which all are ended, so that training starts
                again from its checkpoint.
        """
        self._job = job
        self._store = store
        self._audience = audience
        self._keep_going = keep_going
        self._workers = workers
        self._on_joined = on_joined
        self._pulse = GroupPulse(hang_after, audience.say)
        self._running: Task | None = None
        self._started = Start.now()
        self._error: BaseException | None = None
        self._scratch = uuid.uuid4().hex

    def run(self, data: ImageExperiment, *, address: str | None, max_failures: int) -> None:
        """Joins or starts Ray, trains, and leaves it.

        Raises:
            CutOff: training was asked to stop; the checkpoint stays.
            TrainingFailed: it raised, or its workers died too often.
            UserError: Ray, its CPUs or the store are not to be had, or settings do not fit.
        """
        with group_session(address, self._audience.say) as session:
            self._on_joined()
            room = Room.of(session.nodes(), self._workers, self._job.threads, session.resources())
            session.check_nodes(self._store)
            self._audience.say(room.describe())
            self.train(data, session, room, max_failures=max_failures)

    def train(self, data: ImageExperiment, session: RaySession, room: Room, *, max_failures: int) -> None:
        """Trains as a part of Ray that has room; several groups of one process may train at once, in threads.

        Raises:
            CutOff, TrainingFailed, UserError: see `run`.
        """
        session.check_arrays(data, "the records and pictures")
        try:
            mailbox = self._mailbox()
            thread = threading.Thread(target=self._fit, args=(data, room, mailbox, max_failures), daemon=True)
            thread.start()
            self._watch(thread, mailbox, self._watchdog(session, room))
        except (TrainingFailed, UserError):
            thread.join(PATIENCE_TO_END)  # its CPUs are the next group's
            raise
        finally:
            self._tidy()
        if self._error is not None:
            if (short := _short_of_memory(self._error)) is not None:
                self._fail("out_of_memory", f"memory ran out: {str(short).splitlines()[0]}", str(self._error))
            self._fail("failed", f"its workers died or raised more than {max_failures} times", str(self._error))

    def _watchdog(self, session: RaySession, room: Room) -> Watchdog:
        return Watchdog(self._audience.say, lambda: session.explain(room.resources), asks=room.asks)

    def _mailbox(self) -> Any:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        return ray.remote(num_cpus=0)(Mailbox).options(scheduling_strategy=here).remote()

    def _fit(self, data: ImageExperiment, room: Room, mailbox: Any, max_failures: int) -> None:
        try:
            self._trainer(data, room, mailbox, max_failures).fit()
        except BaseException as error:
            self._error = error

    def _trainer(self, data: ImageExperiment, room: Room, mailbox: Any, max_failures: int) -> Any:
        import ray
        from ray.train import LoggingConfig, RunConfig, ScalingConfig

        from fieldmark.search.executors.group_trainer import GroupTrainer
        from fieldmark.search.training.worker import train_loop

        settings: dict[str, Any] = {
            "train_loop_config": {
                "job": self._job.model_copy(update={"threads": room.threads}),
                "store": self._store.url,
                "data": ray.put(data),
                "mailbox": mailbox,
            },
            "scaling_config": ScalingConfig(
                num_workers=room.workers,
                use_gpu=room.gpu,
                resources_per_worker=room.resources,
                placement_strategy=room.strategy,
            ),
            "run_config": RunConfig(
                name=self._scratch,
                storage_path=self._storage,
                logging_config=LoggingConfig(log_level="ERROR"),
            ),
        }
        return GroupTrainer(train_loop, allowed=self._workers, failures=max_failures, **settings)

    def _watch(self, thread: threading.Thread, mailbox: Any, watchdog: Watchdog) -> None:
        """Shows what workers say until training ends; asks it to stop where it must."""
        import ray

        asked: float | None = None
        while thread.is_alive():
            thread.join(EVERY)
            self._take(ray.get(mailbox.take.remote()))
            self._pulse.end_hung()
            watchdog.look(1, self._audience.signs + self._pulse.signs)
            if asked is None and not self._keep_going():
                asked = time.monotonic()
                self._audience.say("Stopping after the next step ...")
                ray.get(mailbox.stop.remote())
            if asked is not None and time.monotonic() - asked > PATIENCE_TO_SAVE:
                raise CutOff
        self._take(ray.get(mailbox.take.remote()))

    def _take(self, messages: list[Message]) -> None:
        tasks = {task.run_id: task for task in self._job.runs}
        for message in messages:
            self._pulse.hear()
            if message.kind == "worker":
                self._pulse.met(*message.value)
            elif message.kind == "run":
                again = self._running is not None and self._running.run_id == message.value
                self._running = tasks[message.value]
                if again:
                    self._audience.say("a worker was lost: training goes on from the last checkpoint")
                self._audience.run(self._running)
            elif message.kind == "step":
                self._audience.step(message.value)
            elif message.kind == "saved":
                raise CutOff
            elif message.kind == "failed":
                failed: Failed = message.value
                if failed.kind == "user":
                    raise UserError(failed.message)
                self._fail(failed.kind, failed.message, failed.trace)

    def _fail(self, kind: Literal["failed", "out_of_memory"], message: str, log: str) -> NoReturn:
        attempt = record_failure(self._store, self._running or self._job.runs[0], message, self._started, log)
        raise TrainingFailed(message, attempt, kind) from self._error

    @property
    def _storage(self) -> str:
        """Where Ray Train keeps what it must; our checkpoints and records are none of it."""
        root = self._store.url
        return f"{root}/ray" if "://" in root else str(Path(root) / "ray")

    def _tidy(self) -> None:
        if "://" not in self._storage:
            shutil.rmtree(Path(self._storage) / self._scratch, ignore_errors=True)
            with contextlib.suppress(OSError):  # another training's is there
                Path(self._storage).rmdir()


def _short_of_memory(error: BaseException) -> BaseException | None:
    """Returns the error of a worker that Ray's memory monitor has ended, or None."""
    failures = getattr(error, "worker_failures", {}).values()
    causes = (getattr(one, "health_check_failure", one) for one in failures)
    return next(filter(is_out_of_memory, causes), None)
