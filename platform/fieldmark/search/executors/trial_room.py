"""What each trial asks Ray for, and how many may be under way at once. Ray is not asked here."""

from collections.abc import Collection, Mapping, Sequence

from fieldmark.search.executors.bench import Unit
from fieldmark.search.executors.gpu_share import GpuShares, kind_of_unit


class TrialRoom:
    """The room of a cluster for trials of one process each: a CPU, or a share of a GPU and of the CPUs beside it."""

    def __init__(
        self, nodes: Sequence[Mapping[str, float]], *, most: int | None = None, shares: GpuShares | None = None
    ) -> None:
        """Takes the nodes, all of them empty.

        Args:
            nodes: resources of each.
            most: trials at a time that are wanted; None: as many as there can be.
            shares: of a GPU; None: no trial gets any.
        """
        with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1] if shares is not None else []
        self.gpus = sum(int(node["GPU"]) for node in with_gpus)
        self.cpus = sum(int(node.get("CPU", 0)) for node in with_gpus or nodes)
        self._cpus_a_gpu = min((int(node.get("CPU", 0) // node["GPU"]) for node in with_gpus), default=1)
        self._shares = shares if with_gpus else None
        self._most = most
        self._alone: set[str] = set()
        self._asks: dict[str, dict[str, float]] = {}

    def begin(self, unit: Unit) -> dict[str, float]:
        """Returns what a unit that is started now asks for."""
        if self._shares is None:
            asks = {"CPU": 1.0}
        else:
            share = 1.0 if unit.run_id in self._alone else self._shares.of(kind_of_unit(unit))
            asks = {"CPU": float(self._cpus_of(share)), "GPU": share}
        self._asks[unit.run_id] = asks
        return asks

    def asks_of(self, run_id: str) -> Mapping[str, float]:
        """Returns what a unit under way asks for."""
        return self._asks.get(run_id, {})

    def waits_for_whole(self, waiting: Collection[str]) -> bool:
        """Whether one of the units that wait asks for a whole GPU where others have shares."""
        return self._shares is not None and not self._alone.isdisjoint(waiting)

    def end(self, unit: Unit, *, short_of_memory: bool = False, peak_gpu_memory: int = 0) -> None:
        """Takes that a unit has ended; one that memory ran out of gets a whole GPU the next time.

        Args:
            unit: the unit.
            short_of_memory: whether memory ran out.
            peak_gpu_memory: bytes that it has reserved; 0: not measured.
        """
        del self._asks[unit.run_id]
        if short_of_memory:
            self._alone.add(unit.run_id)
        if self._shares is not None:
            self._shares.measured(kind_of_unit(unit), peak_gpu_memory)

    @property
    def capacity(self) -> int:
        """Units that may be under way at once, by what is known now."""
        room = self.cpus if self._shares is None else len(self._asks) + self._more(self._shares.smallest)
        return room if self._most is None else min(self._most, room)

    @property
    def request(self) -> Mapping[str, float]:
        """The smallest that any trial asks for."""
        if self._shares is None:
            return {"CPU": 1.0}
        share = self._shares.smallest
        return {"CPU": float(self._cpus_of(share)), "GPU": share}

    def _cpus_of(self, share: float) -> int:
        return max(1, int(self._cpus_a_gpu * share))

    def _more(self, share: float) -> int:
        """Returns how many further trials of a share there is room for."""
        gpus = self.gpus - sum(asks["GPU"] for asks in self._asks.values())
        cpus = self.cpus - sum(asks["CPU"] for asks in self._asks.values())
        return max(0, min(int(gpus / share), int(cpus / self._cpus_of(share))))
