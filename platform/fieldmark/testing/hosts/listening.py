"""What runs and listens on a host."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Port:
    """A TCP port that a process listens on."""

    port: int
    address: str
    """`0.0.0.0`, `[::]` or `*` where it is open to every interface."""
    process: str
    """The name of the process, at most 15 characters."""


def ports(table: str) -> list[Port]:
    """Reads the lines of `ss --listening --tcp --numeric --processes`."""
    found = set()
    for line in table.splitlines():
        local = line.split()[3]
        address, _, port = local.rpartition(":")
        name = re.search(r'users:\(\("([^"]*)"', line)
        found.add(Port(int(port), address, name.group(1) if name else ""))
    return sorted(found)


def processes_of(init: int) -> list[tuple[int, str]]:
    """Returns the processes of the process namespace that `init` (a number of this machine) is the first of."""
    namespace = _namespace(init)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or _namespace(int(entry.name)) != namespace:
            continue
        known = _known(entry)
        if known is not None:
            found.append(known)
    return sorted(found)


def _namespace(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}/ns/pid").stat().st_ino
    except OSError:
        return None


def _known(process: Path) -> tuple[int, str] | None:
    """Returns its number on the host and its command line; None for those that belong to the host itself."""
    try:
        status = (process / "status").read_text()
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    inner = int(fields["NSpid"].split()[-1])
    if inner == 1 or fields["State"].startswith("Z") or command.startswith(("sshd: /usr/sbin/sshd", "/usr/sbin/sshd")):
        return None
    return inner, command or f"[{fields['Name']}]"
