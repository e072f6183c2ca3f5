"""Runs tasks as Ray Tune trials. Tune's loop runs in a thread; the sweep's stays in the main one."""

import logging
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ray import tune

from fieldmark.data.experiment import ExperimentData
from fieldmark.errors import UserError
from fieldmark.search.executors.ray_session import RaySession
from fieldmark.search.executors.searcher import Mailbox, StopWhenAsked, TaskSearcher
from fieldmark.search.executors.trainable import TrialActor
from fieldmark.search.executors.watchdog import Watchdog
from fieldmark.search.tasks import Outcome, Task

if TYPE_CHECKING:
    from fieldmark.store import Store

STOP_SECONDS = 30.0


class TuneExecutor:
    """Tasks as trials of one CPU each, in actors that are reused."""

    def __init__(
        self,
        data: ExperimentData,
        store: "Store",
        *,
        address: str | None,
        max_concurrent: int | None,
        say: Callable[[str], None],
    ) -> None:
        """Connects to Ray, puts the arrays into its object store once, and starts Tune.

        Args:
            data: the arrays.
            store: where trials write their records; every node must reach it.
            address: of the cluster (see `RaySession`).
            max_concurrent: trials at a time; None: one a CPU.
            say: shows a line.

        Raises:
            UserError: where Ray, its CPUs or the store are not to be had.
        """
        self._session = RaySession(address, say)
        try:
            cpus = self._session.cpus
            if cpus < 1:
                raise UserError(f"a trial asks for 1 CPU; the cluster has {self._session.resources()}")
            self._session.check_nodes(store)
        except BaseException:
            self._session.close()
            raise
        self.capacity = min(max_concurrent or cpus, cpus)
        self._mailbox = Mailbox()
        self._under_way: set[str] = set()
        self._watchdog = Watchdog(say, self._session.resources)
        self._scratch = tempfile.mkdtemp(prefix="fieldmark-tune-")
        self._failure: BaseException | None = None
        trainable = tune.with_parameters(TrialActor, data=data, store_url=store.url)
        self._thread = threading.Thread(target=self._run, args=(trainable,), name="tune", daemon=True)
        self._thread.start()

    def start(self, task: Task) -> None:
        """Hands the task to Tune."""
        self._under_way.add(task.run_id)
        self._mailbox.tasks.put(task)

    def poll(self, timeout: float) -> list[Outcome]:
        """Returns what has ended, waiting for the first at most so many seconds.

        Raises:
            UserError: when Tune has stopped by itself.
        """
        found: list[Outcome] = []
        try:
            found.append(self._mailbox.outcomes.get(timeout=timeout))
            while True:
                found.append(self._mailbox.outcomes.get_nowait())
        except queue.Empty:
            pass
        self._under_way.difference_update(outcome.run_id for outcome in found)
        self._watchdog.look(len(self._under_way), self._mailbox.signs)
        if not found and not self._thread.is_alive():
            raise UserError(f"Ray Tune stopped: {self._failure or 'it says no reason'}")
        return found

    def epochs(self) -> Mapping[str, int]:
        """Returns the finished epochs of runs under way."""
        return dict(self._mailbox.epochs)

    def stop(self) -> None:
        """Cuts off what is under way, ends Tune, and Ray where it was started here."""
        if self._mailbox.stopping.is_set():
            return
        self._mailbox.stopping.set()
        self._thread.join(STOP_SECONDS)
        self._session.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _run(self, trainable: type) -> None:
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=TaskSearcher(self._mailbox),
                num_samples=-1,
                max_concurrent_trials=self.capacity,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=self._scratch,
                stop=StopWhenAsked(self._mailbox),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # a run's state is in our store
                verbose=0,
            ),
        )
        try:
            tuner.fit()
        except BaseException as error:
            self._failure = error
