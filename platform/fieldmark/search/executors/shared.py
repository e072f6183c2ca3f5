"""Whether every node of the cluster shares the store with this process: those there are, and those that come later."""

import socket
import uuid
from typing import TYPE_CHECKING

from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.store import Store

NODE_TIMEOUT = 60.0
"""Seconds that a node gets to answer."""


def check_shared(store: "Store") -> None:
    """Has every living node read what this process wrote to the store, and write what this process reads.

    Raises:
        UserError: naming a node that cannot.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"]]
    if len(nodes) == 1:
        return
    token, store = f"probe-{uuid.uuid4().hex}", store.hasty()
    store.put(token, b"driver")
    probe = ray.remote(num_cpus=0)(_probe)
    refs = {
        node["NodeManagerHostname"]: probe.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(store.url, token, node["NodeID"])
        for node in nodes
    }
    try:
        for (host, ref), node in zip(refs.items(), nodes, strict=True):
            problem = ray.get(ref, timeout=NODE_TIMEOUT)
            if problem is None and store.get(f"{token}-{node['NodeID']}") is None:
                problem = "what it wrote is not there"
            if problem is not None:
                raise UserError(f"--store {store.url}: node {host} does not share it ({problem})")
    except ray.exceptions.RayError as error:
        raise UserError(f"a node of the cluster does not answer: {str(error).splitlines()[0]}") from None
    finally:
        for key in [token, *(f"{token}-{node['NodeID']}" for node in nodes)]:
            store.objects.delete(key)


def open_here(url: str) -> "Store":
    """Opens the sweep's store in a process of a node, which may have joined the cluster after the others were probed.

    Raises:
        UserError: naming the node, where it has no such store.
    """
    from fieldmark.store import Store

    try:
        return Store.open(url, create=False, patient=True)
    except UserError as error:
        why = str(error).removeprefix(f"--store {url}: ")
        raise UserError(f"--store {url}: node {socket.gethostname()} does not share it ({why})") from None


def _probe(url: str, token: str, node: str) -> str | None:
    """Runs on a node: reads the driver's object and writes its own; returns what is wrong, or None."""
    from fieldmark.store import Store

    try:
        store = Store.open(url, create=False).hasty()
        if store.get(token) != b"driver":
            return "the driver's object is not there"
        store.put(f"{token}-{node}", b"node")
    except UserError as error:
        return str(error)
    return None
