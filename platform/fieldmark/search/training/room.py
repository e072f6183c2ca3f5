"""Which group of workers a cluster has room for. Ray Train would wait for ever for one that cannot be placed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

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
    strategy: Literal["PACK", "STRICT_PACK"] = "PACK"
    """`PACK` uses as few nodes as there is room on; `STRICT_PACK` waits for room on a single one, which only makes
    sense where another node could take the group over."""

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
        if not threads:
            together = _most_threads(nodes, gpu, lambda each: _whole(nodes, each, gpu, most) > 0)
            threads = together or _most_threads(nodes, gpu, lambda each: _fits(nodes, each, gpu) >= most) or 1
        if _fits(nodes, threads, gpu) < least:
            each = f"{threads} CPU{'s' if threads > 1 else ''}{' and a GPU' if gpu else ''}"
            raise UserError(
                f"--workers {least}: each asks for {each}; the cluster has {resources}, room for "
                f"{_fits(nodes, threads, gpu)}"
            )
        return cls(
            workers=most if least == most else (least, most),
            threads=threads,
            gpu=gpu,
            strategy=_strategy(nodes, threads, gpu, most) if least == most else "PACK",
        )

    @classmethod
    def of_groups(cls, nodes: Nodes, workers: int, resources: str, most: int | None = None) -> tuple[int, Self]:
        """Returns how many groups of so many workers there is room for at once, and the room of each.

        Where a group fits on a node none is spread over several: its workers would wait for the network.

        Args:
            nodes: of the cluster.
            workers: of a group.
            resources: what the cluster has, in words.
            most: groups at once that are wanted; None: as many as there can be.

        Raises:
            UserError: there is no room for one; see `of`.
        """
        gpu = cls.of(nodes, [workers], 0, resources).gpu
        packed = _whole(nodes, 1, gpu, workers)
        groups = packed or _fits(nodes, 1, gpu) // workers
        groups = groups if most is None else min(most, groups)
        if packed:
            threads = _most_threads(nodes, gpu, lambda each: _whole(nodes, each, gpu, workers) >= groups)
        else:
            threads = _most_threads(nodes, gpu, lambda each: _fits(nodes, each, gpu) >= groups * workers)
        strategy = _strategy(nodes, threads, gpu, workers)
        return groups, cls(workers=workers, threads=threads, gpu=gpu, strategy=strategy)

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
    return sum(_on(node, threads, gpu) for node in nodes)


def _whole(nodes: Nodes, threads: int, gpu: bool, workers: int) -> int:
    """Returns how many groups of so many workers can be placed, each on a single node."""
    return sum(_on(node, threads, gpu) // workers for node in nodes)


def _on(node: Mapping[str, float], threads: int, gpu: bool) -> int:
    """Returns how many workers of so many CPUs fit on an empty node."""
    cpus = int(node.get("CPU", 0)) // threads
    return min(cpus, int(node.get("GPU", 0))) if gpu else cpus


def _most_threads(nodes: Nodes, gpu: bool, fits: Callable[[int], bool]) -> int:
    """Returns the most CPUs of a worker with which all fits, 0 where it never does; without a GPU it is one.

    Beside a GPU they prepare pictures; on CPUs another number of threads adds up in another order.
    """
    most = int(max((node.get("CPU", 0) for node in nodes), default=0)) if gpu else 1
    return next(filter(fits, range(most, 0, -1)), 0)


def _strategy(nodes: Nodes, threads: int, gpu: bool, workers: int) -> Literal["PACK", "STRICT_PACK"]:
    several = sum(_on(node, threads, gpu) >= workers for node in nodes) > 1
    return "STRICT_PACK" if several else "PACK"
