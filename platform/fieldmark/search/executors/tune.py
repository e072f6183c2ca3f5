"""Does units as Ray Tune trials. Tune's loop runs in a thread; the sweep's stays in the main one."""

import logging
import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import ray
from ray import tune

from fieldmark.errors import UserError
from fieldmark.search.executors.bench import BenchMaker, Unit
from fieldmark.search.executors.ending import end_process
from fieldmark.search.executors.gpu_share import GpuShares, has_gpus, peaks_of, smallest_memory
from fieldmark.search.executors.held import Held
from fieldmark.search.executors.pulse import HANG_AFTER
from fieldmark.search.executors.ray_session import RaySession
from fieldmark.search.executors.searcher import Deaths, Mailbox, StopWhenAsked, TaskSearcher
from fieldmark.search.executors.situation import words_of
from fieldmark.search.executors.trainable import TrialActor
from fieldmark.search.executors.trial_room import TrialRoom
from fieldmark.search.executors.watchdog import Watchdog
from fieldmark.search.out_of_memory import is_of_gpu
from fieldmark.search.stopwatch import Start
from fieldmark.search.tasks import Outcome
from fieldmark.search.trial import record_failure

if TYPE_CHECKING:
    from fieldmark.store import Store

STOP_SECONDS = 30.0
MOST_TRIALS = 100_000


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
        hang_after: float = HANG_AFTER,
    ) -> None:
        """Connects to Ray, puts the maker, arrays and all, into its object store once, and starts Tune.

        Args:
            maker: of the bench that every actor has.
            store: where trials write their records; every node must reach it.
            address: of the cluster (see `RaySession`).
            max_concurrent: trials at a time; None: one a CPU, or as many as GPUs have memory for.
            say: shows a line.
            gpus: whether each trial gets a GPU, or a share of one (see `gpu_share`), where the cluster has any.
            hang_after: seconds without a sign of life (an epoch, or a question whether to go on) after which a trial's
                process is ended, so that the run is tried again from its checkpoint.

        Raises:
            UserError: where Ray, its CPUs or the store are not to be had.
        """
        self._store, self._say = store, say
        self._session = RaySession(address, say, arrays=maker)
        try:
            self._room = self._room_for_trials(gpus, max_concurrent)
            self._session.check_nodes(store)
            self._session.check_arrays(maker, "the arrays of the data set")
        except BaseException:
            self._session.close()
            raise
        self._mailbox = Mailbox(hang_after)
        self._under_way: dict[str, Unit] = {}
        self._begun: dict[str, Start] = {}
        self._hung: set[str] = set()
        each = "a GPU or a share of one" if self._room.gpus else "1 CPU"
        self._watchdog = Watchdog(say, self._explain, asks=f"trial(s) ask for {each} each")
        self._scratch = tempfile.mkdtemp(prefix="fieldmark-tune-")
        self._failure: BaseException | None = None
        if self._session.grows:  # else Tune asks for one node after the other
            os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(MOST_TRIALS)
        trainable = tune.with_parameters(TrialActor, maker=maker, store_url=store.url)
        self._thread = threading.Thread(target=self._run, args=(trainable,), name="tune", daemon=True)
        self._thread.start()

    def start(self, unit: Unit) -> None:
        """Hands the unit to Tune."""
        self._under_way[unit.run_id] = unit
        self._begun[unit.run_id] = Start.now()
        self._mailbox.units.put((unit, self._room.begin(unit)))

    def poll(self, timeout: float) -> list[Outcome]:
        """Returns what has ended, waiting for the first at most so many seconds.

        Raises:
            UserError: when Tune has stopped by itself, or trials cannot begin.
        """
        self._mailbox.check_beginnings()
        found: list[Outcome] = []
        try:
            found.append(self._mailbox.outcomes.get(timeout=timeout))
            while True:
                found.append(self._mailbox.outcomes.get_nowait())
        except queue.Empty:
            pass
        self._end_hung()
        found = [self._ended(outcome) for outcome in found]
        under_way, mailbox = len(self._under_way), self._mailbox
        self._watchdog.look(under_way, mailbox.signs, max(0, under_way - len(mailbox.places)), mailbox.placed)
        if not found and not self._thread.is_alive():
            raise UserError(f"Ray Tune stopped: {self._failure or 'it says no reason'}")
        return found

    @property
    def waiting(self) -> set[str]:
        """Units that no process has begun with, as far as is known."""
        return {run_id for run_id in self._under_way if run_id not in self._mailbox.places}

    def holds(self, unit: Unit) -> Held:
        """Returns the CPUs and GPUs that a unit has; none while it waits for them."""
        if unit.run_id not in self._mailbox.places:
            return 0.0, 0.0
        asks = self._room.asks_of(unit.run_id)
        return asks.get("CPU", 0.0), asks.get("GPU", 0.0)

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

    @property
    def capacity(self) -> int:
        """Trials that may be under way at once; it grows once it is known how many share a GPU.

        While one waits for a whole GPU none is started: its shares would be taken one by one as they become free.
        """
        if self._room.waits_for_whole(self.waiting):
            return len(self._under_way)
        return self._room.capacity

    def _room_for_trials(self, gpus: bool, most: int | None) -> TrialRoom:
        nodes = self._session.nodes()
        shares = GpuShares(memory=smallest_memory(), peaks=peaks_of(self._store)) if gpus and has_gpus(nodes) else None
        room = TrialRoom(nodes, most=most, shares=shares)
        if room.capacity < 1:
            raise UserError(f"a trial asks for {words_of(room.request)}; the cluster has {self._session.resources()}")
        return room

    def _explain(self) -> str:
        return self._session.explain(self._room.request)

    def _peak_gpu_memory(self, outcome: Outcome) -> int:
        if not self._room.gpus or outcome.kind != "recorded" or not self._store.has_run(outcome.run_id):
            return 0
        return self._store.run(outcome.run_id).cost.peak_gpu_memory_bytes

    def _end_hung(self) -> None:
        """Ends the processes of trials that give no sign of life; what is stuck cannot be stopped in another way."""
        pulse = self._mailbox.pulse
        for run_id in pulse.hung:
            pulse.forget(run_id)
            place, actor = self._mailbox.places.get(run_id), self._mailbox.actors.get(run_id)
            if place is None and actor is None:
                continue
            self._say(f"run {run_id[:10]}: {pulse.silence}; its process is ended, the run goes on elsewhere")
            self._hung.add(run_id)
            if place is not None:
                end_process(*place)
            else:  # it has started, and not even said where
                ray.kill(actor)

    def _ended(self, outcome: Outcome) -> Outcome:
        """Notes that a unit has ended; records what its process could not record any more."""
        run_id = outcome.run_id
        unit, begun = self._under_way.pop(run_id), self._begun.pop(run_id)
        self._room.end(
            unit, short_of_memory=outcome.kind == "out_of_memory", peak_gpu_memory=self._peak_gpu_memory(outcome)
        )
        if run_id in self._mailbox.unrecorded:
            self._mailbox.unrecorded.discard(run_id)
            record_failure(self._store, unit.task, outcome.message, begun)
        if outcome.kind == "out_of_memory" and self._room.gpus and is_of_gpu(outcome.message):
            return outcome.model_copy(update={"apart": True})
        if run_id in self._hung:
            self._hung.discard(run_id)
            if outcome.kind == "lost":
                return outcome.model_copy(update={"message": f"{self._mailbox.pulse.silence}; its process was ended"})
        return outcome

    def _run(self, trainable: type) -> None:
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        searcher = TaskSearcher(self._mailbox)
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=-1,
                max_concurrent_trials=MOST_TRIALS,  # the sweep starts no more than there is room for
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=self._scratch,
                stop=StopWhenAsked(self._mailbox),
                callbacks=[Deaths(searcher)],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # a run's state is in our store
                verbose=0,
            ),
        )
        try:
            tuner.fit()
        except BaseException as error:
            self._failure = error
