"""A small process that ends what a killed driver's local Ray leaves behind.

When a driver is killed, Ray's own reaper ends most of its processes within seconds; but two agents of the node try for
a whole minute to report the end of their raylet to a server that is gone too. The guard notes the processes of the
driver's Ray session while the driver lives (it holds a pipe to it), and ends those that are left some seconds after.
"""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

EVERY = 0.5
GRACE = 4.0

Process = tuple[int, str]
"""A process id and its start time, which tells it from a later process of the same id."""


class Guard:
    """The driver's end of a guard; without /proc there is none."""

    def __init__(self) -> None:
        """Starts the guard of the Ray session that this process is about to start."""
        self._process: subprocess.Popen[bytes] | None = None
        if Path("/proc/self/stat").exists():
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(os.getpid())],
                stdin=subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C is for the driver
            )

    def dismiss(self) -> None:
        """Waits until nothing of the session is left; the guard ends what does not end by itself."""
        if self._process is not None:
            self._process.communicate()


def main(driver: int) -> None:
    """Watches until the driver closes the pipe, or is gone; then sees to it that nothing is left."""
    noted: set[Process] = set()
    while not select.select([0], [], [], EVERY)[0]:
        noted |= _below(noted | _session(driver))
    noted |= _below(noted | _session(driver))
    end = time.monotonic() + GRACE
    while any(map(_alive, noted)) and time.monotonic() < end:
        time.sleep(EVERY)
        noted |= _below(noted)
    for process in filter(_alive, noted):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process[0], signal.SIGKILL)


def _session(driver: int) -> set[Process]:
    """Returns the processes whose command line names the session: Ray puts the driver's id at the end of its name."""
    named = re.compile(rf"/session_[\d_-]+_{driver}\b")
    return {(pid, start) for pid, (_, start) in _table().items() if named.search(_command(pid))}


def _below(roots: set[Process]) -> set[Process]:
    """Returns all living processes started by these, at whatever remove."""
    table = _table()
    found = {pid for pid, start in roots if table.get(pid, (0, ""))[1] == start}
    fresh = set(found)
    while fresh:
        fresh = {pid for pid, (parent, _) in table.items() if parent in fresh} - found
        found |= fresh
    return {(pid, table[pid][1]) for pid in found}


def _table() -> dict[int, tuple[int, str]]:
    """Returns every process with its parent and start time."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            found[int(entry)] = (int(fields[1]), fields[19])
    return found


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _alive(process: Process) -> bool:
    fields = _stat(process[0])
    return bool(fields) and fields[19] == process[1] and fields[0] != "Z"


if __name__ == "__main__":
    main(int(sys.argv[1]))
