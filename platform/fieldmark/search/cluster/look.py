"""Looks at the cluster that this process can join."""

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fieldmark.errors import UserError
from fieldmark.search.cluster import probes, together
from fieldmark.search.cluster.expected import expected
from fieldmark.search.cluster.gather import CONNECT_S, Gathering
from fieldmark.search.cluster.seen import AllReduce, ClusterSeen, Look, NodeSeen, Refusal, Software
from fieldmark.search.executors.ray_session import RaySession

DIED = 2
"""Ray's death reason of a node that ended without being told to."""


def look(address: str, store: str, data: str, say: Callable[[str], None]) -> ClusterSeen:
    """Joins the cluster, asks every node, and leaves it.

    Args:
        address: of the cluster, or "auto": on this machine.
        store: results store, or nothing.
        data: data set's spec, or nothing.
        say: takes a line on what is being done.

    Raises:
        UserError: it cannot be joined.
    """
    started = time.monotonic()
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "2")  # of 40 s each; the default is 20
    session = RaySession(_answering(address), say)
    try:
        gathering = Gathering(say)
        try:
            return _look(gathering, store, data, started)
        finally:
            gathering.close()
    finally:
        session.close()


def _answering(address: str) -> str:
    """Returns the cluster's address, once something listens there: Ray itself would try for a quarter of an hour."""
    if address == "auto":
        note = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")
        if not note.is_file():
            raise UserError("no Ray cluster on this machine; give its cluster.yaml, or --address HOST:PORT of one")
        address = note.read_text().strip()
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"--address {address}: expected HOST:PORT, e.g. 10.0.0.11:6379")
    (why,) = probes.connect([(host, int(port))], CONNECT_S)
    if why:
        raise UserError(f"--address {address}: no Ray cluster answers there ({why})")
    return address


def _look(gathering: Gathering, store: str, data: str, started: float) -> ClusterSeen:
    import ray

    reference, name = expected()
    gathering.ask("start of a worker", probes.listening, lambda _: ())
    gathering.drop_silent()
    gathering.clocks()
    gathering.ask("software", probes.software, lambda _: ())
    folders = {} if "://" in store or not store else {"store": str(Path(store).absolute())}
    gathering.ask("disk and memory", probes.machine, lambda one: (folders, _ray_files(gathering.nodes[one])))
    head, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    refusals, reached = _connect(gathering, gathering.ports(head, int(port)))
    stores = _share_store(gathering, store) if store else {}
    fingerprint = ""
    if data:
        fingerprint = together.read_data(data).get("fingerprint", "")
        gathering.ask("data", together.read_data, lambda _: (data,))
    sums, problems = _all_reduce(gathering)
    nodes = [
        _node(gathering, one, head, reference).model_copy(
            update={
                "store": stores.get(one),
                "unreachable": tuple(refusals.get(one, ())),
                "reached": reached.get(one, 0),
            }
        )
        for one in gathering.nodes
    ]
    lost = {
        node["NodeManagerAddress"]: node["DeathReasonMessage"]
        for node in ray.nodes()
        if not node["Alive"] and node["DeathReason"] == DIED
    }
    return ClusterSeen(
        nodes=tuple(sorted(nodes, key=lambda node: (not node.head, node.address))),
        lost={one: why for one, why in lost.items() if one not in gathering.nodes},
        reference=reference,
        reference_name=name,
        store=store,
        data=data,
        fingerprint=fingerprint,
        all_reduce=tuple(sums),
        all_reduce_problems=problems,
        seconds=time.monotonic() - started,
    )


def _ray_files(node: Any) -> str:
    """Returns the folder of Ray's sessions on a node: its sockets lie in `SESSIONS/session_.../sockets/`."""
    return str(Path(node["RayletSocketName"]).parents[2])


def _connect(
    gathering: Gathering, ports: dict[tuple[str, int], str]
) -> tuple[dict[str, list[Refusal]], dict[str, int]]:
    """Returns for each node the ports of others that it did not reach, and how many it reached."""
    targets = {one: [target for target in ports if target[0] != one] for one in gathering.nodes}
    answers = gathering.ask("ports", probes.connect, lambda one: (targets[one], CONNECT_S))
    refusals = {
        one: [
            Refusal(address=address, port=port, what=ports[address, port], why=why)
            for (address, port), why in zip(targets[one], found, strict=True)
            if why
        ]
        for one, found in answers.items()
    }
    return refusals, {one: len(found) - len(refusals[one]) for one, found in answers.items()}


def _share_store(gathering: Gathering, url: str) -> dict[str, Look]:
    """Has every node write to the store, and read what all the others wrote."""
    from fieldmark.store import Store

    os.environ["FIELDMARK_STORE_PATIENCE"] = "0"
    try:
        store = Store.open(url)
    except UserError as error:
        return {one: Look(problem=str(error)) for one in gathering.nodes}
    token = f"probe-{uuid.uuid4().hex}"
    keys = {one: f"{token}-{one}" for one in gathering.nodes}
    try:
        written = gathering.ask("store", together.write_store, lambda one: (store.url, keys[one]))
        found = {one: Look(problem=problem) for one, problem in written.items()}
        good = [one for one in written if not written[one]]
        read = gathering.ask("store", together.read_store, lambda one: (store.url, [keys[other] for other in good]))
        by_key = {key: one for one, key in keys.items()}
        for one, missing in read.items():
            if missing and one in good:
                others = ", ".join(by_key[key] for key in missing)
                found[one] = Look(problem=f"{store.url}: what {others} wrote there is not seen")
        return found
    finally:
        for key in keys.values():
            store.objects.delete(key)


def _all_reduce(gathering: Gathering) -> tuple[list[AllReduce], dict[str, str]]:
    """Measures with gloo, and with NCCL where every node has a GPU that its torch can use."""
    machines = [answers.get("disk and memory", {}) for answers in gathering.answers.values()]
    gpus = all(found.get("gpus") and found.get("torch_cuda") for found in machines)
    sums: list[AllReduce] = []
    problems: dict[str, str] = {}
    if len(gathering.nodes) < 2 or any(gathering.silent[one].get("start of a worker") for one in gathering.nodes):
        return sums, problems
    for backend in ("gloo", "nccl") if gpus else ("gloo",):
        try:
            sums += gathering.all_reduce(backend)
        except UserError as error:
            problems[backend] = str(error)
    return sums, problems


def _node(gathering: Gathering, address: str, head: str, reference: Software) -> NodeSeen:
    """Returns what one node answered."""
    node, answers = gathering.nodes[address], gathering.answers[address]
    software = answers.get("software")
    if software is not None:
        kept = {name: version for name, version in software["libraries"].items() if name in reference.libraries}
        software = Software(python=software["python"], libraries=kept, source=software["source"])
    return NodeSeen.model_validate(
        {
            "address": address,
            "name": node["NodeManagerHostname"],
            "head": address == head,
            "gpus_of_ray": int(node["Resources"].get("GPU", 0)),
            "silent": gathering.silent[address],
            "software": software,
            "clock": answers.get("clock"),
            "data": answers.get("data"),
            **answers.get("disk and memory", {}),
        }
    )
