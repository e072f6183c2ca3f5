"""Which group of workers a cluster has room for. Ray Train would wait for ever for one that cannot be placed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from fieldmark.errors import UserError

Nodes = Sequence[Mapping[str, float]]
"""Resources of each living node, e.g. `{"CPU": 8, "GPU": 1}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A group of workers that can be placed."""

    workers: int | tuple[int, int]
    """How many, or the least and the most of an elastic group."""
    threads: int
    """CPUs and threads of each."""
    gpu: bool
    """Whether each gets a GPU."""

    @classmethod
    def of_cluster(cls, allowed: Sequence[int], threads: int, resources: str) -> Self:
        """Returns the room that the joined cluster has; see `of`."""
        import ray

        return cls.of([node["Resources"] for node in ray.nodes() if node["Alive"]], allowed, threads, resources)

    @classmethod
    def of(cls, nodes: Nodes, allowed: Sequence[int], threads: int, resources: str) -> Self:
        """Returns the room for as many of the allowed workers as there can be.

        Args:
            nodes: of the cluster.
            allowed: numbers of workers that may be used, ascending.
            threads: of a worker; 0: one, or beside GPUs as many as there are for the largest group.
            resources: what the cluster has, in words.

        Raises:
            UserError: there is no room for the least of them; says what is asked for and what is there.
        """
        least, most = allowed[0], allowed[-1]
        gpu = sum(int(node.get("GPU", 0)) for node in nodes) >= least
        if not threads and not gpu:
            threads = 1
        if not threads:
            cpus = int(max((node.get("CPU", 0) for node in nodes), default=1))
            fitting = (one for one in range(cpus, 0, -1) if _fits(nodes, one, gpu) >= most)
            threads = next(fitting, 1)
        if _fits(nodes, threads, gpu) < least:
            each = f"{threads} CPU{'s' if threads > 1 else ''}{' and a GPU' if gpu else ''}"
            raise UserError(
                f"--workers {least}: each asks for {each}; the cluster has {resources}, room for "
                f"{_fits(nodes, threads, gpu)}"
            )
        return cls(workers=most if least == most else (least, most), threads=threads, gpu=gpu)

    @classmethod
    def of_groups(cls, nodes: Nodes, workers: int, resources: str, most: int | None = None) -> tuple[int, Self]:
        """Returns how many groups of so many workers there is room for at once, and the room of each.

        Args:
            nodes: of the cluster.
            workers: of a group.
            resources: what the cluster has, in words.
            most: groups at once that are wanted; None: as many as there can be.

        Raises:
            UserError: there is no room for one; see `of`.
        """
        gpu = cls.of(nodes, [workers], 0, resources).gpu
        groups = _fits(nodes, 1, gpu) // workers
        groups = groups if most is None else min(most, groups)
        together = cls.of(nodes, [groups * workers], 0, resources)
        return groups, cls(workers=workers, threads=together.threads, gpu=gpu)

    @property
    def resources(self) -> dict[str, float]:
        """What each worker asks Ray for."""
        return {"CPU": self.threads, **({"GPU": 1} if self.gpu else {})}

    @property
    def asks(self) -> str:
        """What the group asks for, in words."""
        return f"group of {self.describe()}"

    def describe(self) -> str:
        """Returns the group in words."""
        size = f"{self.workers}" if isinstance(self.workers, int) else "{} to {}".format(*self.workers)
        gpu = " and a GPU" if self.gpu else ""
        return f"{size} workers of {self.threads} CPU{'s' if self.threads > 1 else ''}{gpu} each"


def _fits(nodes: Nodes, threads: int, gpu: bool) -> int:
    """Returns how many workers of so many CPUs can be placed, nodes being empty."""
    rooms = (min(int(node.get("CPU", 0)) // threads, int(node.get("GPU", 0)) if gpu else 10**9) for node in nodes)
    return sum(rooms)
