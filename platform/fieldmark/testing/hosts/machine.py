"""A set of namespaces with a process 1 that holds them, and the way into them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fieldmark.testing.hosts.kernel import program

INIT = Path(__file__).with_name("init.py")


class Machine:
    """Namespaces that live as long as their process 1, which lives no longer than this program."""

    def __init__(
        self,
        kinds: Sequence[str],
        commands: Sequence[Sequence[str]],
        *,
        service: Sequence[str] = (),
        port: int = 0,
        inside: Sequence[str] = (),
        log: Path,
    ) -> None:
        """Starts it and waits until it is ready.

        Args:
            kinds: namespaces of its own: net, mount, uts, ipc, pid.
            commands: what process 1 does first, in this order.
            service: a command that it then starts.
            port: where the service listens at once.
            inside: a prefix that enters the namespaces from which it starts.
            log: a file for what process 1 and its service say.

        Raises:
            RuntimeError: if it does not start, with what it said.
        """
        apart = [program("unshare"), *(f"--{kind}" for kind in kinds), "--fork", "--kill-child"]
        python = getattr(sys, "_base_executable", sys.executable)
        with log.open("ab") as said:
            self._popen = subprocess.Popen(
                [*inside, *apart, python, "-I", "-S", str(INIT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
                cwd="/",
            )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        orders = {"commands": [list(one) for one in commands], "service": list(service), "port": port}
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.write(json.dumps(orders).encode() + b"\n")
            self._popen.stdin.flush()
        ready = self._popen.stdout.readline()
        if not ready:
            self._popen.wait()
            raise RuntimeError(f"a host did not start: {log.read_text()[-2000:]}")
        self.pid = int(ready)
        """Its process 1, in this program's own numbers."""
        self.kinds = tuple(kinds)

    def enter(self, *kinds: str) -> list[str]:
        """Returns the prefix of a command that runs in these of its namespaces, by default in all."""
        chosen = kinds or self.kinds
        return [program("nsenter"), f"--target={self.pid}", *(f"--{kind}" for kind in chosen), "--"]

    def do(self, *command: str, kinds: Sequence[str] = ()) -> str:
        """Runs a command in it, which must succeed; returns its output."""
        done = subprocess.run([*self.enter(*kinds), *command], capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
        return done.stdout

    def end(self) -> None:
        """Kills everything in it, as a power cut does, and waits until it is gone."""
        if self._popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe is not None
            pipe.close()
        self._popen.wait()

    @property
    def running(self) -> bool:
        """Whether its process 1 lives."""
        return self._popen.poll() is None
