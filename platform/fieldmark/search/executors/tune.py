"""Does units as Ray Tune trials. Tune's loop runs in a thread; the sweep's stays in the main one."""

import logging
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ray import tune

from fieldmark.errors import UserError
from fieldmark.search.executors.bench import BenchMaker, Unit
from fieldmark.search.executors.ray_session import RaySession
from fieldmark.search.executors.searcher import Mailbox, StopWhenAsked, TaskSearcher
from fieldmark.search.executors.trainable import TrialActor
from fieldmark.search.executors.watchdog import Watchdog
from fieldmark.search.tasks import Outcome

if TYPE_CHECKING:
    from fieldmark.store import Store

STOP_SECONDS = 30.0


class TuneExecutor:
    """Units as trials of one CPU each, in actors that are reused."""

    def __init__(
        self,
        maker: BenchMaker,
        store: "Store",
        *,
        address: str | None,
        max_concurrent: int | None,
        say: Callable[[str], None],
        gpus: bool = False,
    ) -> None:
        """Connects to Ray, puts the maker, arrays and all, into its object store once, and starts Tune.

        Args:
            maker: of the bench that every actor has.
            store: where trials write their records; every node must reach it.
            address: of the cluster (see `RaySession`).
            max_concurrent: trials at a time; None: one a CPU.
            say: shows a line.
            gpus: whether each trial gets a GPU of its own, too, where the cluster has any.

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
        on_gpus = self._session.gpus if gpus else 0
        room = min(cpus, on_gpus) if on_gpus else cpus
        self.capacity = min(max_concurrent or room, room)
        self._mailbox = Mailbox()
        self._under_way: set[str] = set()
        each = "1 CPU and 1 GPU" if on_gpus else "1 CPU"
        self._watchdog = Watchdog(say, self._session.resources, asks=f"trial(s) ask for {each} each")
        self._scratch = tempfile.mkdtemp(prefix="fieldmark-tune-")
        self._failure: BaseException | None = None
        trainable = tune.with_parameters(TrialActor, maker=maker, store_url=store.url)
        if on_gpus:
            trainable = tune.with_resources(trainable, {"CPU": 1, "GPU": 1})
        self._thread = threading.Thread(target=self._run, args=(trainable,), name="tune", daemon=True)
        self._thread.start()

    def start(self, unit: Unit) -> None:
        """Hands the unit to Tune."""
        self._under_way.add(unit.run_id)
        self._mailbox.units.put(unit)

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
