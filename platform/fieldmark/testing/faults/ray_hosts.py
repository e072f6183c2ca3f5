"""A Ray cluster of three hosts of their own on this machine: a head that runs the driver, two workers that train."""

import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from fieldmark.testing.faults.scene import ROOT
from fieldmark.testing.hosts import Host, Hosts
from fieldmark.testing.hosts.mounts import PROJECT

SHARED_MEGABYTES = 64
"""Size of the file system that the store lies on."""
RAY_FOLDER = "/tmp/ray"
"""Where Ray keeps its logs and sockets, and spills objects."""
RAY_MEGABYTES = 512
"""Size of the file system that this is on a worker."""
PORT = 6379
SYNCED = ("platform/fieldmark", "search_spaces", "jobs")
SETTINGS = {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
JOIN_LOG = "join.log"
JOIN_TRIES = 3
START_SECONDS = 300.0


class RayHosts:
    """Starts it on entry; a host that was switched off, or whose Ray has ended, is taken in again by `join`."""

    def __init__(self, folder: Path) -> None:
        """Takes a new folder for the hosts' homes; they get a copy of the project as it is now."""
        environment = Path(sys.prefix)
        self.hosts = Hosts(3, folder, source=environment.parent, shared_megabytes=SHARED_MEGABYTES)
        self._token = secrets.token_hex(32)

    def __enter__(self) -> "RayHosts":
        self.hosts.__enter__()
        try:
            for host in self.hosts.machines:
                self._furnish(host)
            self.start_head()
            self.join(*self.workers)
        except BaseException:
            self.hosts.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hosts.close()

    @property
    def head(self) -> Host:
        """Runs the driver and no trial."""
        return self.hosts[1]

    @property
    def workers(self) -> list[Host]:
        """Have a CPU each."""
        return self.hosts.machines[1:]

    def start_head(self) -> None:
        """Starts Ray on the head, which runs."""
        address = f"--head --node-ip-address {self.head.address} --port {PORT} --num-cpus 0"
        self.head.run(_ray_start(address), env=SETTINGS, timeout=START_SECONDS)

    def join(self, *workers: Host) -> None:
        """Starts Ray on workers, at the same time; what is left of it there is ended first."""
        for worker in workers:
            if not worker.up:
                worker.boot()
                worker.mount_small(RAY_FOLDER, RAY_MEGABYTES)
        missing = list(workers)
        for _ in range(JOIN_TRIES):
            missing = self._not_joined(missing)
        said = [(one.home / JOIN_LOG).read_text()[-2000:] for one in missing]
        assert not missing, f"{[one.name for one in missing]} do not join: {said}"

    def works(self, worker: Host) -> bool:
        """Whether Ray runs on a worker."""
        return worker.up and any("/raylet/raylet " in command for _, command in worker.processes())

    def drive(self, job: str, *flags: str, **options: Any) -> "subprocess.Popen[str]":
        """Starts a job of the project as the driver on the head; options are those of `subprocess.Popen`."""
        command = f"cd {PROJECT} && exec .venv/bin/python {shlex.join([job, *flags])}"
        return self.head.popen(command, env={**SETTINGS, "RAY_ADDRESS": f"{self.head.address}:{PORT}"}, **options)

    def _not_joined(self, workers: Sequence[Host]) -> list[Host]:
        """Starts Ray anew on workers; returns those on which it did not start."""
        start = _ray_start(f"--address {self.head.address}:{PORT} --num-cpus 1")
        # Whatever stopping says: what counts is the start.
        command = f"{{ {_ray('stop --force')}; {start}; }} >> ~/{JOIN_LOG} 2>&1"
        started = [(worker, worker.popen(command, env=SETTINGS)) for worker in workers]
        return [worker for worker, process in started if process.wait(START_SECONDS) != 0]

    def _furnish(self, host: Host) -> None:
        for part in SYNCED:
            target = host.home / PROJECT / part
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        token = host.home / ".ray" / "auth_token"
        token.parent.mkdir(mode=0o700)
        token.touch(mode=0o600)
        token.write_text(self._token)
        if host in self.workers:
            host.mount_small(RAY_FOLDER, RAY_MEGABYTES)


def _ray(command: str) -> str:
    return f"~/{PROJECT}/.venv/bin/ray {command}"


def _ray_start(flags: str) -> str:
    return _ray(f"start {flags} --object-store-memory 100000000 --disable-usage-stats")
