"""What this machine lets the process use."""

import contextlib
import ctypes
import os


def cores() -> int:
    """Returns the cores that this process may use; a cluster's scheduler may give it fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_store() -> str:
    """Returns the results store of commands that name none: that of the environment, else a folder here."""
    return os.environ.get("FIELDMARK_STORE") or "runs"


def give_back_memory() -> None:
    """Gives the machine back what the process has freed: glibc keeps it, as much as the largest run ever took."""
    with contextlib.suppress(AttributeError, OSError):  # another C library keeps less
        ctypes.CDLL(None).malloc_trim(0)
