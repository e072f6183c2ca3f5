"""Asks every node of the joined cluster; a node that does not answer in time is written down as silent."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fieldmark.errors import UserError
from fieldmark.search.cluster import probes, together
from fieldmark.search.cluster.seen import AllReduce

LIMITS = {
    "start of a worker": 90.0,
    "clock": 10.0,
    "software": 60.0,
    "disk and memory": 60.0,
    "ports": 30.0,
    "store": 30.0,
    "data": 300.0,
    "all-reduce": 90.0,
}
"""Seconds that a node has for each answer."""
CONNECT_S = 4.0
ROUNDS = 7
SIZES = (1_000_000, 16_000_000, 64_000_000)
"""Bytes of the vectors that are summed."""
PORTS = {
    "NodeManagerPort": "node manager",
    "ObjectManagerPort": "object manager",
    "RuntimeEnvAgentPort": "runtime environments",
    "MetricsAgentPort": "agent",
    "DashboardAgentListenPort": "agent's HTTP",
}

Nodes = Mapping[str, Mapping[str, Any]]
"""Ray's own entries of the living nodes, by address."""


class Gathering:
    """An actor on every living node, and what has been answered so far."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Starts an actor on each; it asks for no CPU, so a busy cluster can be looked at, too."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        for module in (probes, together):
            ray.cloudpickle.register_pickle_by_value(module)
        self._say = say
        self.nodes: Nodes = {node["NodeManagerAddress"]: node for node in ray.nodes() if node["Alive"]}
        actor = ray.remote(num_cpus=0, max_restarts=0, max_concurrency=8)(probes.Prober)
        self._actors = {
            address: actor.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote()
            for address, node in self.nodes.items()
        }
        self.answers: dict[str, dict[str, Any]] = {address: {} for address in self.nodes}
        self.silent: dict[str, dict[str, str]] = {address: {} for address in self.nodes}

    def ask(self, what: str, function: Callable[..., Any], arguments: Callable[[str], Sequence[Any]]) -> dict[str, Any]:
        """Asks all nodes at once and returns the answers that came in time, by address.

        Args:
            what: one of `LIMITS`.
            function: of `probes` or `together`.
            arguments: for the node with an address.
        """
        import ray

        self._say(f"{what} of {len(self._actors)} node(s)")
        refs = {address: actor.run.remote(function, *arguments(address)) for address, actor in self._actors.items()}
        until = time.monotonic() + LIMITS[what]
        found = {}
        for address, ref in refs.items():
            try:
                found[address] = ray.get(ref, timeout=max(0.01, until - time.monotonic()))
            except ray.exceptions.GetTimeoutError:
                self.silent[address][what] = f"no answer within {LIMITS[what]:g} s"
            except ray.exceptions.RayError as error:
                self.silent[address][what] = _reason(error)
            else:
                self.answers[address][what] = found[address]
        return found

    def drop_silent(self) -> None:
        """Asks nodes that have not answered nothing more: each question would cost its whole limit."""
        import ray

        for address in [address for address in self._actors if self.silent[address]]:
            ray.kill(self._actors.pop(address))

    def clocks(self) -> None:
        """Measures each node's clock against this one's, one node at a time."""
        import ray

        for address, actor in self._actors.items():
            rounds = []
            try:
                for _ in range(ROUNDS):
                    wall, before = time.time(), time.monotonic()
                    theirs = ray.get(actor.run.remote(probes.now), timeout=LIMITS["clock"])
                    trip = time.monotonic() - before
                    rounds.append((trip / 2, theirs - (wall + trip / 2)))
            except ray.exceptions.RayError as error:
                self.silent[address]["clock"] = _reason(error)
                continue
            bound, offset = min(rounds)
            self.answers[address]["clock"] = {"offset": offset, "bound": bound}

    def ports(self, head: str, gcs: int) -> dict[tuple[str, int], str]:
        """Returns every address and port that nodes say they listen on, and what listens there."""
        found = {(head, gcs): "control store"}
        for address, node in self.nodes.items():
            found |= {(address, node[field]): what for field, what in PORTS.items() if node.get(field, 0) > 0}
            found |= {(address, port): "a worker" for port in self.answers[address].get("start of a worker", ())}
        return found

    def all_reduce(self, backend: str) -> list[AllReduce]:
        """Measures sums over one worker a node.

        Raises:
            UserError: why it failed.
        """
        first = next(iter(self._actors))
        order = {address: rank for rank, address in enumerate(self._actors)}
        before = {address: dict(silent) for address, silent in self.silent.items()}
        limit = LIMITS["all-reduce"]
        import ray

        port = ray.get(self._actors[first].run.remote(together.free_port), timeout=LIMITS["clock"])
        found = self.ask(
            "all-reduce",
            together.all_reduce,
            lambda address: (backend, order[address], len(order), first, port, SIZES, 2 * limit / 3),
        )
        problems = [silent["all-reduce"] for silent in self.silent.values() if "all-reduce" in silent]
        self.silent = before  # it failed for all of them
        if problems:
            raise UserError(problems[0])
        return [
            AllReduce(backend=backend, workers=len(order), bytes=size, seconds=seconds)
            for size, seconds in found[first]
        ]

    def close(self) -> None:
        """Ends the actors."""
        import ray

        for actor in self._actors.values():
            ray.kill(actor)


def _reason(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    lines = [line for line in str(cause).strip().splitlines() if line.strip()]
    return f"{type(cause).__name__}: {lines[0] if lines else ''}"[:300]
