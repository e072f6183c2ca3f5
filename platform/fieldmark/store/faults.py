"""Seeded hook points between any two writes, at which a test can do harm to the process for real."""

import os
import signal
import threading
from collections.abc import Callable

FAULT = "FIELDMARK_FAULT"
FAULT_STATE = "FIELDMARK_FAULT_STATE"

FAULT_POINTS = (
    "open.format",
    "commit_run.curve",
    "commit_run.record",
    "commit_evaluation.predictions",
    "commit_evaluation.record",
    "conflict.written",
    "compact.segment",
    "compact.deleted",
    "retract.written",
    "merge.copied",
    "merge.segment",
    "stage.array",
    "stage.manifest",
    "checkpoint.saved",
    "checkpoint.cleared",
    "plan.written",
    "card.written",
    "log.written",
    "probabilities.written",
    "weights.written",
    "categories.written",
    "extension.written",
    "retention.begun",
    "gc.deleted",
    "lease.epoch",
    "lease.heartbeat",
    "lease.released",
)
"""Every point of the store: each stands right after a write, so that together they lie between any two."""


def fault_point(name: str) -> None:
    """Does harm here where the environment asks for it; otherwise costs one look-up.

    ``FIELDMARK_FAULT="<name>[:<nth>[,<nth>...]][=<harm>]"`` names the point, the hits (1 is the first) and the harm:
    ``kill`` this process with SIGKILL (the default), ``hang`` for ever, or run out of ``memory``. Hits are counted in
    the file named by ``FIELDMARK_FAULT_STATE`` when it is set, across processes and restarts, so that each fires once.
    """
    where, _, harm = os.environ.get(FAULT, "").partition("=")
    wanted, _, nth = where.partition(":")
    if wanted == name and _count_hit(name) in map(int, (nth or "1").split(",")):
        HARMS[harm or "kill"]()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    threading.Event().wait()


def _run_out_of_memory() -> None:
    """Asks for more than any machine has: a real MemoryError, which harms no other process."""
    bytearray(1 << 62)


HARMS: dict[str, Callable[[], None]] = {"kill": _kill, "hang": _hang, "memory": _run_out_of_memory}


_hits: dict[str, int] = {}


def _count_hit(name: str) -> int:
    state = os.environ.get(FAULT_STATE)
    if state is None:
        _hits[name] = _hits.get(name, 0) + 1
        return _hits[name]
    # One byte a hit: appending is atomic, so processes that hit at once get different numbers.
    handle = os.open(state, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(handle, b".")
        return os.lseek(handle, 0, os.SEEK_CUR)
    finally:
        os.close(handle)
