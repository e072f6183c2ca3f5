"""A sweep whose driver runs on the head of a cluster of hosts, whose trials run on its workers."""

import contextlib
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

from fieldmark.store import Store
from fieldmark.testing.faults.command import Command
from fieldmark.testing.faults.ray_hosts import RayHosts
from fieldmark.testing.faults.scene import PATIENCE, SweepScene
from fieldmark.testing.faults.sweep_kinds import TRIAL
from fieldmark.testing.hosts import Host

REMOUNT_TRIES = 200


class HostCommand(Command):
    """A job as the driver on the head."""

    def __init__(self, cluster: RayHosts, job: str, flags: Sequence[str], folder: Path) -> None:
        """Starts it."""
        self._cluster = cluster
        super().__init__(Path("jobs") / job, flags, folder, patience=PATIENCE)

    def _popen(
        self, command: list[str], folder: Path, environment: Mapping[str, str], standard_error: IO[bytes]
    ) -> "subprocess.Popen[str]":
        return self._cluster.drive(*command, stdout=subprocess.PIPE, stderr=standard_error)


@dataclass(frozen=True, kw_only=True)
class HostScene(SweepScene):
    """A folder for the driver's words, and a store on the hosts' shared file system."""

    cluster: ClassVar[RayHosts]

    @classmethod
    def on(cls, cluster: RayHosts) -> "type[HostScene]":
        """Returns the scenes of a cluster."""
        return type(cls.__name__, (cls,), {"cluster": cluster})

    @property
    def store(self) -> Path:
        """The folder of the store, as this program sees it."""
        return self.cluster.hosts.shared_here / self.folder.name

    def start(self, *flags: str) -> HostCommand:
        """Starts the sweep on the head, or goes on with it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        program, *mine = self.job
        store = str(self.cluster.hosts.shared / self.folder.name)
        return HostCommand(self.cluster, program, [*mine, *flags, "--store", store], self.folder)

    def whole(self) -> Store:
        """Returns the store of the same sweep on this machine, without hosts: where it runs changes no figure."""
        return SweepScene(folder=self.folder.with_name(f"undisturbed-{SweepScene.__name__}")).whole()

    def opened(self) -> Store:
        """Opens a copy of the store: a path through another mount namespace is none that a store can be opened at."""
        copied = self.folder / "store"
        shutil.rmtree(copied, ignore_errors=True)
        shutil.copytree(self.store, copied)
        return Store.open(str(copied), create=False)

    def remove(self) -> None:
        """Deletes the store, too."""
        super().remove()
        shutil.rmtree(self.store, ignore_errors=True)

    def training(self) -> list[Host]:
        """Returns the workers on which a trial runs."""
        return [
            worker
            for worker in self.cluster.workers
            if worker.up and any(TRIAL in command for _, command in worker.processes())
        ]

    def victim(self, command: Command, draw: random.Random) -> Host | None:
        """Returns a worker at a random moment while it runs a trial; None once the command has ended."""
        while command.watch(lambda: bool(self.training())):
            if not command.watch_for(draw.uniform(0, 6)):
                return None
            if running := self.training():
                return draw.choice(running)
        return None

    def heal(self) -> None:
        """Has every worker take part again; one that does not is replaced by a new machine of its name."""
        broken = [worker for worker in self.cluster.workers if not self.cluster.works(worker)]
        for worker in broken:
            if worker.up:
                worker.kill()
        self.cluster.join(*broken)

    @contextlib.contextmanager
    def full(self, host: Host, folder: Path | str) -> Iterator[None]:
        """Has the file system of a folder be full, as that host sees it, for as long as the context lasts."""
        filler = f"{folder}/filler"
        done = host.run(f"cat /dev/zero > {filler}", check=False)
        assert "No space left" in done.stderr, done.stderr
        try:
            yield
        finally:
            host.run(f"rm {filler}")

    @contextlib.contextmanager
    def read_only(self, command: Command) -> Iterator[None]:
        """Has the shared file system refuse to be written for as long as the context lasts."""
        self._once_nothing_is_written(command)
        try:
            yield
        finally:
            self.cluster.hosts.read_only(False)

    def _once_nothing_is_written(self, command: Command) -> None:
        tried: list[str] = []

        def turned() -> bool:
            with contextlib.suppress(AssertionError):  # a file is open for writing this instant
                self.cluster.hosts.read_only()
                return True
            tried.append("busy")
            return len(tried) >= REMOUNT_TRIES

        command.watch(turned)
        assert len(tried) < REMOUNT_TRIES, "a file of the store is open for writing all the time"
