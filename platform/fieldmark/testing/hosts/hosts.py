"""A set of hosts and a laptop on one switch."""

import contextlib
from pathlib import Path
from types import TracebackType

from fieldmark.testing.hosts.host import Host, Plan
from fieldmark.testing.hosts.kernel import why_not
from fieldmark.testing.hosts.keys import make_home, make_key, sshd
from fieldmark.testing.hosts.mounts import View, make_environment
from fieldmark.testing.hosts.network import Switch, address_of

LAPTOP = "laptop"


class Hosts:
    """Makes hosts on entry and removes every trace of them but `folder` on exit, and likewise if this program dies.

    Each has its own network address, processes, host name, /tmp, /dev/shm, /run and home, and an sshd on port 22
    that the laptop has the key of. The rest of the machine's files is visible as it is. Each host has the project's
    environment at `~/fieldmark-project/.venv`, as if installed there: it finds the package in that folder, which holds
    nothing else until the project is synced, and what is installed or removed in it stays on that host.
    """

    def __init__(self, count: int, folder: Path, *, source: Path, shared_megabytes: int | None = None) -> None:
        """Plans them.

        Args:
            count: hosts beside the laptop, 1 to 200.
            folder: where their homes and settings lie; a new or an empty folder, or that of the same hosts before.
            source: the checkout with its `.venv`; the laptop's shells have that on their PATH.
            shared_megabytes: makes the shared folder a file system of its own of this size in MiB, which is lost
                at the end. It is then seen by the hosts, but not at `shared` by this program.
        """
        assert 1 <= count <= 200
        self.folder, self.source = folder.resolve(), source.resolve()
        self.shared = self.folder / "shared"
        """Seen at this path by every host, like a network file system."""
        names = [LAPTOP, *(f"host{number}" for number in range(1, count + 1))]
        self._numbers = {name: number for number, name in enumerate(names)}
        self._megabytes = shared_megabytes
        self._switch: Switch | None = None
        self._all: list[Host] = []

    why_not = staticmethod(why_not)

    @property
    def laptop(self) -> Host:
        """From where a person launches things; nothing listens there."""
        return self._all[0]

    @property
    def machines(self) -> list[Host]:
        """The hosts without the laptop."""
        return self._all[1:]

    @property
    def shared_here(self) -> Path:
        """The shared folder as this program sees it, for as long as the hosts are there."""
        assert self._switch is not None
        return Path(f"/proc/{self._switch.machine.pid}/root{self.shared}") if self._megabytes else self.shared

    def __getitem__(self, number: int) -> Host:
        """Returns host 1 to `count`, or the laptop for 0."""
        return self._all[number]

    def read_only(self, on: bool = True) -> None:
        """Makes the shared file system (one with a size) refuse to be written, or takes that back.

        Raises:
            AssertionError: while a file on it is open for writing; try again.
        """
        assert self._switch is not None
        assert self._megabytes is not None, "only a shared folder with a size of its own"
        self._switch.machine.do("mount", "-o", f"remount,{'ro' if on else 'rw'}", str(self.shared))

    def __enter__(self) -> "Hosts":
        reason = why_not()
        assert reason is None, reason
        self.shared.mkdir(parents=True, exist_ok=True)
        try:
            self._switch = Switch(self.shared, self._megabytes, self.folder / "switch.log")
            for name in self._numbers:
                host = Host(self._plan(name), self._switch)
                self._all.append(host)
                host.boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Removes them."""
        with contextlib.ExitStack() as all_of_them:
            if self._switch is not None:
                all_of_them.callback(self._switch.end)
            for host in self._all:
                if host.up:
                    all_of_them.callback(host.kill)

    def _plan(self, name: str) -> Plan:
        folder, is_laptop = self.folder / name, name == LAPTOP
        home, own = folder / "home", folder / "own"
        own.mkdir(parents=True, exist_ok=True)
        key = self.folder / "key"
        path = str(self.source / ".venv" / "bin") if is_laptop else ""
        public = make_key(key)
        make_home(home, may_log_in=public, known=self._known(), key=key if is_laptop else None, path=path)
        names = "".join(f"{address_of(number)} {other}\n" for other, number in self._numbers.items())
        (own / "hosts").write_text(f"127.0.0.1 localhost\n{names}")
        (own / "hostname").write_text(f"{name}\n")
        # No server: a name that is not in `hosts` is unknown at once.
        (own / "resolv.conf").write_text("")
        environment = None if is_laptop else folder / "environment"
        if environment is not None and not environment.exists():
            make_environment(self.source, environment)
        view = View(home=home, own=own, shared=self.shared, source=self.source, environment=environment)
        return Plan(name, self._numbers[name], view, () if is_laptop else tuple(sshd(own)))

    def _known(self) -> str:
        lines = []
        for name, number in self._numbers.items():
            if name != LAPTOP:
                own = self.folder / name / "own"
                own.mkdir(parents=True, exist_ok=True)
                kind, public = make_key(own / "host_key").split()[:2]
                lines.append(f"{name},{address_of(number)} {kind} {public}\n")
        return "".join(lines)
