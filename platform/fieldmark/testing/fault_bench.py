"""A bench whose units meet a fault the first time, and are done the second time."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Literal, NoReturn

from fieldmark.data.experiment import ExperimentData
from fieldmark.search.executors.bench import OnEpoch
from fieldmark.search.executors.priorsnet_bench import PriorsNetBench
from fieldmark.search.interruption import KeepGoing
from fieldmark.search.tasks import Outcome, Task
from fieldmark.search.trial import run_trial
from fieldmark.store import Store

Fault = Literal["sleeps", "is stopped", "memory runs out", "none"]


BEATS = 8
"""Signs of life, one a second, before a process is stopped."""


class _NoMemory:
    """Data that are too large."""

    def __getattr__(self, name: str) -> NoReturn:
        raise MemoryError(f"unable to allocate an array for {name}")


class FaultBench(PriorsNetBench):
    """Does units as a sweep of PriorsNet does, but for the first attempt at each."""

    def __init__(self, data: ExperimentData, faults: dict[int, Fault], folder: str, store: Store) -> None:
        """Takes what a `PriorsNetBench` takes, and the faults.

        Args:
            data: the arrays.
            faults: what befalls the first attempt at a run, by its seed.
            folder: where attempts are noted, each as a file whose text is the process's id.
            store: where records go.
        """
        super().__init__(data, store)
        self._faults = faults
        self._folder = Path(folder)

    def do(self, unit: Task, *, keep_going: KeepGoing = lambda: True, on_epoch: OnEpoch = lambda _: None) -> Outcome:
        """Meets the fault, or does the run."""
        attempts = len(list(self._folder.glob(f"{unit.spec.seed}-*")))
        (self._folder / f"{unit.spec.seed}-{attempts}").write_text(str(os.getpid()))
        fault = "none" if attempts else self._faults.get(unit.spec.seed, "none")
        keep_going()
        if fault == "sleeps":
            threading.Event().wait()
        elif fault == "is stopped":
            for _ in range(BEATS):  # so that Tune has heard of it; it takes an actor that never started for pending
                keep_going()
                time.sleep(1.0)
            os.kill(os.getpid(), signal.SIGSTOP)
        elif fault == "memory runs out":
            too_large: Any = _NoMemory()
            return run_trial(unit, too_large, self._store, keep_going=keep_going, on_epoch=on_epoch)
        return super().do(unit, keep_going=keep_going, on_epoch=on_epoch)
