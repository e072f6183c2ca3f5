"""Who a process is, so that another one on the same host can tell whether it still lives."""

import os
import socket
import subprocess
from pathlib import Path

_PROC = Path("/proc")


def host() -> str:
    """Returns the host's name."""
    return socket.gethostname()


def place() -> str:
    """Returns what two processes share that see each other's process ids: host, boot, and PID namespace.

    The name alone is not enough: containers on one machine can share it and yet have process tables of their own.
    """
    boot, namespace = _PROC / "sys/kernel/random/boot_id", _PROC / "self/ns/pid"
    parts = [host()]
    parts += [boot.read_text().strip()] if boot.exists() else []
    parts += [os.readlink(namespace)] if namespace.is_symlink() else []
    return " ".join(parts)


def started(pid: int) -> str | None:
    """Returns when a process of this host was started, in any unit; None for one that is gone.

    A process id is used again after a while, with another start. A killed process that its parent has not waited for
    is gone.
    """
    return _started_linux(pid) if _PROC.joinpath("self/stat").exists() else _started_posix(pid)


def _started_linux(pid: int) -> str | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The command's name stands in brackets and may hold anything; state is the 1st field after it, start the 20th.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _started_posix(pid: int) -> str | None:
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, start = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else start.strip()
