"""What runs on this machine, by /proc: a program signals only what it has started, and what descends from that."""

import os
from pathlib import Path

Process = tuple[int, str]
"""A process id and its start time, which tells it from a later process of the same id."""


def stat(pid: int) -> tuple[int, str, str] | None:
    """Returns parent, start time and state of a process, or None."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), fields[19], fields[0]


def descendants(pid: int) -> set[Process]:
    """Returns a process with all below it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (known := stat(int(entry))):
            children.setdefault(known[0], []).append(int(entry))
    found, todo = set(), [pid]
    while todo:
        one = todo.pop()
        if known := stat(one):
            found.add((one, known[1]))
        todo += children.get(one, [])
    return found


def alive(process: Process) -> bool:
    """Whether it still runs; one that has ended and is not reaped yet does not."""
    known = stat(process[0])
    return known is not None and known[1] == process[1] and known[2] != "Z"


def title(pid: int) -> str:
    """Returns the command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
