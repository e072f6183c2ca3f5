"""What a Ray cluster has, and who holds it: what a person needs to know of a stall. Only `read_situation` asks Ray."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TIMEOUT = 10
"""Seconds that Ray's state server gets to answer."""
KINDS = ("CPU", "GPU")
LIMIT = 1000
SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of the cluster."""

    name: str
    alive: bool
    total: Mapping[str, float]
    free: Mapping[str, float]
    reason: str = ""
    """Why it is not alive, as far as Ray tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A driver that holds resources, or waits for some."""

    who: str
    ours: bool
    held: Mapping[str, float]
    waits_for: Sequence[Mapping[str, float]] = ()
    """What each of its pending groups asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A cluster at a moment."""

    nodes: Sequence[Node]
    holders: Sequence[Holder] = ()
    starting: Sequence[str] = ()
    """Nodes that the autoscaler is starting."""

    def words(self) -> str:
        """Returns who has what, in a few words."""
        alive, dead = [node for node in self.nodes if node.alive], [node for node in self.nodes if not node.alive]
        parts = [f"{len(alive)} node(s) are there, with {_totals(alive)}"]
        parts += [f"{node.name} is dead{f' ({node.reason})' if node.reason else ''}" for node in dead[-SHOWN:]]
        parts += [f"the autoscaler is starting {', '.join(self.starting[:SHOWN])}"] if self.starting else []
        parts += [words for holder in self.holders if (words := _held(holder))]
        return "; ".join(parts)

    def advice(self, request: Mapping[str, float]) -> str:
        """Returns what to do.

        Args:
            request: what one task or worker asks for on one node.
        """
        alive = [node for node in self.nodes if node.alive]
        if any(_fits(request, node.free) for node in alive):
            return "there is room for one more, so Ray is starting it or it is at work in silence"
        if self.starting:
            return "wait for the nodes that are being started"
        if not any(_fits(request, node.total) for node in alive):
            dead = [node.name for node in self.nodes if not node.alive and _fits(request, node.total)]
            again = f"start Ray on {dead[-1]} again, or " if dead else ""
            return f"{again}add a node with {words_of(request)}: none has that much"
        others = [holder.who for holder in self.holders if not holder.ours and any(holder.held.values())]
        if others:
            return f"wait for {others[0]} to end, or end it"
        return "wait for what is under way, or add a node"


def words_of(resources: Mapping[str, float]) -> str:
    """Returns e.g. ``2 CPUs and 1 GPU``."""
    found = [
        f"{count:g} {kind}{'' if count == 1 else 's'}" for kind in KINDS if (count := round(resources.get(kind, 0), 3))
    ]
    return " and ".join(found) or "nothing"


def read_situation() -> Situation:
    """Asks the joined cluster; what does not answer in time is left out."""
    import ray
    from ray._private import state

    free = state.available_resources_per_node()
    nodes = [
        Node(
            name=node["NodeManagerHostname"] or node["NodeManagerAddress"],
            alive=node["Alive"],
            total=node["Resources"],
            free=free.get(node["NodeID"], {}),
            reason=str(node.get("DeathReasonMessage") or "").partition("\n")[0],
        )
        for node in ray.nodes()
    ]
    with contextlib.suppress(Exception):  # the state server is on its own: without it there is less to say
        return Situation(nodes=nodes, holders=_read_holders(), starting=_read_starting())
    return Situation(nodes=nodes)


def holders_of(
    groups: Iterable[Mapping[str, Any]], actors: Iterable[Mapping[str, Any]], names: Mapping[str, str], own: str
) -> list[Holder]:
    """Returns who holds what, ourselves first.

    Args:
        groups: placement groups: `creator_job_id`, `state` and `bundles`, each with `unit_resources`.
        actors: living actors: `job_id` and `required_resources`; in a group they ask for other kinds than these.
        names: jobs in words.
        own: this process's job.
    """
    held: dict[str, Counter[str]] = {}
    waits: dict[str, list[Mapping[str, float]]] = {}
    for group in groups:
        job, asked = group["creator_job_id"], _sum(bundle["unit_resources"] for bundle in group["bundles"] or ())
        if group["state"] == "CREATED":
            held.setdefault(job, Counter()).update(asked)
        elif group["state"] in ("PENDING", "RESCHEDULING"):
            waits.setdefault(job, []).append(asked)
    for actor in actors:
        held.setdefault(actor["job_id"], Counter()).update(_sum([actor["required_resources"] or {}]))
    found = [
        Holder(
            who="this command" if job == own else names.get(job, f"job {job}"),
            ours=job == own,
            held=dict(held.get(job, {})),
            waits_for=waits.get(job, []),
        )
        for job in sorted({*held, *waits}, key=lambda job: (job != own, job))
    ]
    return [holder for holder in found if any(holder.held.values()) or holder.waits_for]


def _read_holders() -> list[Holder]:
    import ray
    from ray.util.state import list_actors, list_jobs, list_placement_groups

    how: dict[str, Any] = {
        "address": ray.get_runtime_context().gcs_address,
        "limit": LIMIT,
        "timeout": TIMEOUT,
        "raise_on_missing_output": False,
    }
    groups = [vars(one) for one in list_placement_groups(**how, detail=True)]
    actors = [vars(one) for one in list_actors(**how, detail=True, filters=[("state", "=", "ALIVE")])]
    names = {one.job_id: f"job {one.job_id} ({one.entrypoint[:60]})" for one in list_jobs(**how) if one.job_id}
    return holders_of(groups, actors, names, ray.get_runtime_context().get_job_id())


def starting_of(status: str | bytes | None) -> list[str]:
    """Returns the nodes that Ray's older autoscaler is starting, from what it reports as JSON."""
    report = json.loads(status or "{}").get("autoscaler_report") or {}
    launches = [f"{count} {kind}" for kind, count in (report.get("pending_launches") or {}).items()]
    return [*launches, *(f"{kind} at {address}" for address, kind, *_ in report.get("pending_nodes") or ())]


def _read_starting() -> list[str]:
    import ray
    from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
    from ray.autoscaler.v2.sdk import get_cluster_status
    from ray.experimental.internal_kv import _internal_kv_get

    if older := starting_of(_internal_kv_get(DEBUG_AUTOSCALING_STATUS)):
        return older

    status = get_cluster_status(ray.get_runtime_context().gcs_address, timeout=TIMEOUT)
    launches = [f"{one.count} {one.ray_node_type_name}" for one in status.pending_launches]
    return [*launches, *(str(one.ray_node_type_name) for one in status.pending_nodes)]


def _held(holder: Holder) -> str:
    parts = [f"holds {words_of(holder.held)}"] if any(holder.held.values()) else []
    if holder.waits_for:
        parts.append(f"waits for {len(holder.waits_for)} time(s) {words_of(holder.waits_for[0])}")
    return f"{holder.who} {' and '.join(parts)}" if parts else ""


def _totals(nodes: Iterable[Node]) -> str:
    total, free = _sum(node.total for node in nodes), _sum(node.free for node in nodes)
    return ", ".join(
        f"{total[kind]:g} {kind}s of which {free[kind]:g} are free" for kind in KINDS if total[kind] or kind == "CPU"
    )


def _sum(resources: Iterable[Mapping[str, float]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in resources:
        for kind in KINDS:
            found[kind] += one.get(kind, 0)  # type: ignore[assignment]
    return found


def _fits(request: Mapping[str, float], room: Mapping[str, float]) -> bool:
    return all(room.get(kind, 0) >= count for kind, count in request.items())
