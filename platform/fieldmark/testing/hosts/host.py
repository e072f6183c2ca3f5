"""One host: what a test does with it."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from fieldmark.testing.hosts.kernel import SYSTEM_PATH, program
from fieldmark.testing.hosts.listening import Port, ports, processes_of
from fieldmark.testing.hosts.machine import Machine
from fieldmark.testing.hosts.mounts import View, home_folder
from fieldmark.testing.hosts.network import Switch, address_of

SECONDS = 120.0


@dataclass(frozen=True)
class Plan:
    """What a host is made of, each time it boots."""

    name: str
    number: int
    view: View
    sshd: tuple[str, ...]
    """The command of its sshd; none on the laptop."""


class Host:
    """A machine of its own in all but kernel, clock, cores and memory."""

    def __init__(self, plan: Plan, switch: Switch) -> None:
        self.name = plan.name
        self.address = address_of(plan.number)
        self.home = plan.view.home
        """Its user's home, as this program sees it; the host sees it at the user's own home path."""
        self._plan, self._switch = plan, switch
        self._machine: Machine | None = None

    @property
    def up(self) -> bool:
        """Whether it runs."""
        return self._machine is not None and self._machine.running

    @property
    def pid(self) -> int:
        """Its process 1 in this machine's numbers: `/proc/<pid>/root` is what the host sees."""
        return self._running().pid

    def boot(self) -> None:
        """Switches it on: an empty /tmp, no process, the home as it was left, the cable in."""
        assert not self.up, f"{self.name} runs already"
        plan = self._plan
        names = [[program("hostname"), plan.name], [program("ip"), "link", "set", "lo", "up"]]
        self._machine = Machine(
            ("net", "mount", "uts", "ipc", "pid"),
            [*names, *plan.view.commands()],
            service=plan.sshd,
            port=22 if plan.sshd else 0,
            inside=self._switch.machine.enter(),
            log=plan.view.own / "init.log",
        )
        self._switch.plug(self._machine, plan.number)

    def kill(self) -> None:
        """Switches it off at once: every process is killed, /tmp and memory are lost, the home stays.

        As at a power cut nobody is told: connections are not closed, they fall silent.
        """
        machine = self._running()
        self._switch.unplug(self._plan.number)
        machine.end()
        self._machine = None

    def popen(self, command: str, *, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        """Starts a command in a login shell in the home of its user; options are those of `subprocess.Popen`."""
        user = home_folder()
        plain = {"HOME": str(user), "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash", "LANG": "C.UTF-8"}
        variables = [f"{key}={value}" for key, value in {**plain, "PATH": SYSTEM_PATH, **(env or {})}.items()]
        shell = [program("bash"), "--login", "-c", f'cd "$HOME"\n{command}']
        whole = [*self._running().enter(), program("env"), "-i", *variables, *shell]
        given = {"stdin": subprocess.DEVNULL, "text": True, "start_new_session": True, **options}
        return subprocess.Popen(whole, **given)

    def run(
        self, command: str, *, check: bool = True, timeout: float = SECONDS, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end in a login shell.

        Raises:
            subprocess.CalledProcessError: if it fails and `check` is set; its text has what the command said.
            subprocess.TimeoutExpired: after `timeout` seconds; the command's processes are killed.
        """
        # Files, not pipes: a service that the command leaves behind may hold them open.
        with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            started = self.popen(command, env=env, stdout=out, stderr=err)
            try:
                started.wait(timeout)
            except BaseException:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()
                raise
            said = [_text(file) for file in (out, err)]
        if check and started.returncode:
            raise Failed(started.returncode, f"{self.name}: {command}", *said)
        return subprocess.CompletedProcess(command, started.returncode, *said)

    def cut(self) -> None:
        """Takes the network cable out: packets are lost both ways and no connection is closed."""
        self._switch.pull(self._plan.number)

    def mend(self) -> None:
        """Puts the cable back."""
        self._switch.push(self._plan.number)

    def block(self, port: int) -> None:
        """Drops what comes from other hosts to a TCP port, as a firewall does."""
        self._filter("--append", port)

    def unblock(self, port: int) -> None:
        """Takes such a rule back."""
        self._filter("--delete", port)

    def mount_small(self, path: str | Path, megabytes: int) -> None:
        """Puts an empty file system of so many MiB over a folder, on this host alone."""
        self._do(program("mkdir"), "-p", str(path))
        self._do(program("mount"), "-t", "tmpfs", "-o", f"size={megabytes}m,mode=1777", "small", str(path))

    def unmount(self, path: str | Path) -> None:
        """Takes the file system on a folder away, as a broken mount; open files of it stay usable."""
        self._do(program("umount"), "--lazy", str(path))

    def processes(self) -> list[tuple[int, str]]:
        """Returns (number on the host, command line) of all but its process 1 and its sshd, by number."""
        return processes_of(self.pid)

    def listening(self) -> list[Port]:
        """Returns what TCP ports its processes listen on, by port."""
        return ports(self._do(program("ss"), "--no-header", "--listening", "--tcp", "--numeric", "--processes"))

    def _filter(self, action: str, port: int) -> None:
        rule = ["INPUT", "--in-interface", "eth0", "--protocol", "tcp", "--destination-port", str(port)]
        self._do(program("iptables"), "--wait", action, *rule, "--jump", "DROP")

    def _do(self, *command: str) -> str:
        return self._running().do(*command)

    def _running(self) -> Machine:
        assert self._machine is not None, f"{self.name} is switched off"
        return self._machine


class Failed(subprocess.CalledProcessError):
    """A command on a host ended with another exit code than 0; says what it wrote."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{str(self.output)[-4000:]}\n{str(self.stderr)[-4000:]}"


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
