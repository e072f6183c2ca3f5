"""Finds and ends the Ray processes of one cluster and one user on this machine, and no other's.

Only the standard library: `fieldmark cluster down` sends this file over ssh to machines whose environment may be gone,
and cluster.yaml runs it before Ray starts, in place of `ray stop`, which ends every Ray that it can see.
"""

from __future__ import annotations  # the hosts' own python3 may be an older one

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

GRACE = 8.0
"""Seconds between asking a process to end and ending it."""
SESSION = re.compile(r"session_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_\d+_\d+")
FOLDER = Path("/tmp/ray")
CURRENT = "ray_current_cluster"
"""Holds the address by which Ray's clients on this machine find their cluster."""


class Process(NamedTuple):
    """One of this user's processes."""

    pid: int
    parent: int
    command: str
    sessions: set[str]
    """Ray's sessions that its command line names or that it has files of open."""


class Cluster(NamedTuple):
    """What processes of one cluster have in common."""

    gcs: str | None
    """ADDRESS:PORT of its control store; None: any with the port."""
    port: int
    sessions: set[str]


def members(processes: list[Process], cluster: Cluster, spare: set[int]) -> list[Process]:
    """Returns the cluster's processes: those of its control store or sessions, and all that they have started.

    Args:
        processes: all of this user's.
        cluster: which.
        spare: processes that are never among them, such as this one.
    """
    sessions = cluster.sessions | _sessions_of(processes, cluster)
    found = {one.pid for one in processes if one.sessions & sessions or _names(one, cluster)}
    grown = True
    while grown:
        below = {one.pid for one in processes if one.parent in found} - found
        found |= below
        grown = bool(below)
    return [one for one in processes if one.pid in found and one.pid not in spare]


def _sessions_of(processes: list[Process], cluster: Cluster) -> set[str]:
    sessions: set[str] = set()
    for one in processes:
        if _names(one, cluster):
            sessions |= set(SESSION.findall(one.command))
    return sessions


def _names(one: Process, cluster: Cluster) -> bool:
    """Whether a process's command line names the cluster's control store."""
    address = re.escape(cluster.gcs) if cluster.gcs is not None else rf"\S+:{cluster.port}"
    return re.search(rf"--gcs-address={address}(?!\d)", one.command) is not None


def processes_here() -> list[Process]:
    """Returns the processes of this user."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if folder.stat().st_uid == os.getuid():
                found.append(_read(folder))
    return sorted(found)


def _read(folder: Path) -> Process:
    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    sessions = set(SESSION.findall(command)) if "--session-name" in command or "/session_" in command else set()
    for link in (folder / "fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(str(link))
            sessions |= set(SESSION.findall(target)) if "/session_" in target else set()
    return Process(int(folder.name), parent, command, sessions)


def ancestors(processes: list[Process]) -> set[int]:
    """Returns this process and all above it."""
    parents = {one.pid: one.parent for one in processes}
    found, pid = set(), os.getpid()
    while pid > 1 and pid not in found:
        found.add(pid)
        pid = parents.get(pid, 0)
    return found


def submitted_windows() -> dict[str, str]:
    """Returns the tmux sessions that `ray submit --tmux` opened, by id, with what they ran.

    It leaves a shell in each after the program's end, so that the output can be read.
    """
    listed = _tmux("list-panes", "-a", "-F", "#{session_id} #{pane_start_command}")
    lines = [line.split(" ", 1) for line in listed.splitlines() if " " in line]
    return {one: command for one, command in lines if re.search(r"python ~/.*; exec bash", command)}


def _tmux(*arguments: str) -> str:
    try:
        done = subprocess.run(["tmux", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return ""
    return done.stdout.decode(errors="replace")


def end(cluster: Cluster) -> list[Process]:
    """Ends the cluster's processes, first asking; returns those that are still there."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE
        asked: set[int] = set()
        while True:
            left = here(cluster)
            if not left:
                return []
            for pid in {one.pid for one in left} - asked:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
                asked.add(pid)
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
    return here(cluster)


def here(cluster: Cluster) -> list[Process]:
    """Returns the cluster's processes on this machine."""
    processes = processes_here()
    return members(processes, cluster, ancestors(processes))


def noted_session(cluster: Cluster, folder: Path = FOLDER) -> set[str]:
    """Returns the session of the cluster that was started here last, even if no process names the cluster any more."""
    with contextlib.suppress(OSError):
        if (folder / CURRENT).read_text().strip() == cluster.gcs:
            return set(SESSION.findall(os.readlink(str(folder / "session_latest"))))
    return set()


def forget(cluster: Cluster, folder: Path = FOLDER) -> None:
    """Removes the note by which Ray's clients would go on looking for the cluster."""
    with contextlib.suppress(OSError):
        if (folder / CURRENT).read_text().strip() == cluster.gcs:
            (folder / CURRENT).unlink()


def address_of_head(file: Path, port: int) -> str | None:
    """Returns where the control store of a launcher's file will be; None where it does not say, as in a cloud."""
    head = json.loads(file.expanduser().read_text())["provider"].get("head_ip")
    return None if head is None else f"{head}:{port}"


def main() -> int:
    """Prints what there is, or what is left after ending it, as JSON; the exit code is 1 where something is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gcs", help="ADDRESS:PORT of the control store")
    parser.add_argument("--port", type=int, default=6379, help="any control store with this port, without --gcs")
    parser.add_argument("--bootstrap", type=Path, help="the launcher's file on the head, which has its address")
    parser.add_argument("--session", action="append", default=[])
    parser.add_argument("--windows", action="store_true", help="and the tmux sessions of `ray submit --tmux`")
    parser.add_argument("--end", action="store_true")
    asked = parser.parse_args()
    gcs = address_of_head(asked.bootstrap, asked.port) if asked.bootstrap else asked.gcs
    processes = processes_here()
    known = Cluster(gcs, asked.port, set(asked.session))
    cluster = known._replace(sessions=known.sessions | _sessions_of(processes, known) | noted_session(known))
    found = here(cluster)
    windows = submitted_windows() if asked.windows else {}
    if asked.end:
        left = end(cluster)
        forget(cluster)
        for window in windows:
            _tmux("kill-session", "-t", window)
    else:
        left = found
    report = {"sessions": sorted(cluster.sessions), "found": _plain(found), "left": _plain(left), "windows": windows}
    print(json.dumps(report))
    return 1 if asked.end and left else 0


def _plain(processes: list[Process]) -> list[dict[str, object]]:
    return [{"pid": one.pid, "command": one.command[:200]} for one in processes]


if __name__ == "__main__":
    sys.exit(main())
