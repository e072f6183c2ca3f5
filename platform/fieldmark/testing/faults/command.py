"""A command of the product that a fault is done to: started, watched, and waited for until nothing of it is left."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from fieldmark.testing.faults.processes import Process, alive, descendants, title


class Command:
    """A job, started at once in a session of its own, with everything that it starts in turn."""

    def __init__(
        self,
        job: Path,
        flags: Sequence[str],
        folder: Path,
        *,
        log: str = "driver.log",
        environment: Mapping[str, str] | None = None,
        patience: float = 300.0,
        grace: float = 15.0,
        every: float = 0.2,
    ) -> None:
        """Starts it.

        Args:
            job: the program, e.g. `jobs/sweep_priorsnet.py`.
            flags: its flags; `--json` is added.
            folder: where it is started.
            log: file there to which its standard error is added.
            environment: variables beside this process's own.
            patience: seconds until it must have come to what is waited for.
            grace: seconds after its end in which all its processes must have gone.
            every: seconds between two looks.
        """
        self.started = time.monotonic()
        self.seen: set[Process] = set()
        self.gone_after = 0.0
        """Seconds from its end to that of the last of its processes."""
        self._patience, self._grace, self._every = patience, grace, every
        self._log = folder / log
        with self._log.open("ab") as standard_error:
            self.popen = self._popen([str(job), *flags, "--json"], folder, environment or {}, standard_error)

    def _popen(
        self, command: list[str], folder: Path, environment: Mapping[str, str], standard_error: IO[bytes]
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=standard_error,
            start_new_session=True,
            text=True,
        )

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self.started

    def watch(self, until: Callable[[], bool]) -> bool:
        """Waits until something holds, noting every process below; False when the command ends before.

        Raises:
            TimeoutError: neither comes.
        """
        end = time.monotonic() + self._patience
        while time.monotonic() < end:
            self.seen |= descendants(self.popen.pid)
            if until():
                return True
            if self.popen.poll() is not None:
                return False
            time.sleep(self._every)
        raise TimeoutError(f"the command did not come that far within {self._patience:.0f} s; see {self._log}")

    def watch_for(self, seconds: float) -> bool:
        """Waits so long; False when the command ends before."""
        moment = time.monotonic() + seconds
        return self.watch(lambda: time.monotonic() >= moment)

    def ended(self) -> tuple[int, str]:
        """Waits for the end and for all its processes to go; returns exit code and standard output."""
        self.watch(lambda: self.popen.poll() is not None)
        ended = time.monotonic()
        while any(map(alive, self.seen)) and time.monotonic() - ended < self._grace:
            time.sleep(0.2)
        self.gone_after = time.monotonic() - ended
        left = [title(pid)[:200] for pid, start in self.seen if alive((pid, start))]
        assert not left, f"left {self._grace:.0f} s after the end of the driver: {left}"
        return self.popen.returncode, self.popen.communicate()[0]

    def finished(self) -> tuple[dict[str, Any], float]:
        """Has it end well; returns what it printed and how long it took."""
        code, output = self.ended()
        assert code == 0, f"exit code {code}; see {self._log}"
        return dict(json.loads(output)), time.monotonic() - self.started

    def below(self, name: str) -> list[int]:
        """Returns the processes below it whose command line holds this."""
        return sorted(pid for pid, _ in descendants(self.popen.pid) if name in title(pid))
