"""Judges what the nodes reach: the store, the data, one another."""

from collections import defaultdict
from collections.abc import Iterator

from fieldmark.search.cluster.finding import SHOWN, Finding, label
from fieldmark.search.cluster.seen import Absent, ClusterSeen, NodeSeen, Refusal

SLOW_GB_S = 0.02
"""A gigabit network gives about 0.06 to 0.1."""
EXAMPLE_BYTES = 102_000_000
"""Gradients of a ResNet-50."""
UNTIL_REBOOT = "(until reboot; docs/how-to/three-hosts.md has a firewall that stays)"


def judge_reach(seen: ClusterSeen) -> Iterator[Finding]:
    """Yields the findings on store, data, network and machines that are not there."""
    yield from map(_absent, seen.absent)
    yield from _lost(seen)
    for node in seen.nodes:
        yield from _store(node, seen)
        yield from _data(node, seen)
    yield from _ports(seen)
    yield from _names(seen)
    yield from _all_reduce(seen)


def _absent(absent: Absent) -> Finding:
    address, again = absent.address, "`fieldmark cluster up CLUSTER_YAML`"
    if not absent.answers:
        what, mend = "port 22 does not answer", f"switch it on, or let it be reached: `ping {address}`."
    elif absent.login:
        what, mend = f"no login by ssh ({absent.login})", f"run `ssh-copy-id -i KEY.pub {address}`, then {again}."
    elif not absent.token:
        what, mend = "its ~/.ray/auth_token is missing", f"run {again}, which brings it."
    elif not absent.sees_head:
        what = "it does not reach the head's port 6379"
        mend = f"on the head run `{_open('6379', address)}` {UNTIL_REBOOT}, then {again}."
    elif not absent.raylet:
        what, mend = "Ray does not run there", f"run {again}, which starts it."
    else:
        what = "Ray runs there, but not in this cluster"
        mend = f"on {address} end that Ray (`ray stop`, if nobody else uses it), then {again}."
    return Finding(severity="error", check="joined", node=address, what=f"has not joined: {what}", mend=mend)


def _lost(seen: ClusterSeen) -> Iterator[Finding]:
    for address in seen.lost.keys() - {absent.address for absent in seen.absent}:
        yield Finding(
            severity="error",
            check="joined",
            node=address,
            what=f"has left the cluster: {seen.lost[address]}",
            mend="switch it on again and run `fieldmark cluster up CLUSTER_YAML`.",
        )


def _store(node: NodeSeen, seen: ClusterSeen) -> Iterator[Finding]:
    if node.store is not None and node.store.problem:
        how = "check its credentials there" if "://" in seen.store else f"on {node.name} mount it: `mount {seen.store}`"
        yield Finding(
            severity="error",
            check="store",
            node=label(node),
            what=node.store.problem,
            mend=f"{how}; every node must see the same place.",
        )


def _data(node: NodeSeen, seen: ClusterSeen) -> Iterator[Finding]:
    if node.data is None:
        return
    what = node.data.problem
    if not what and seen.fingerprint and node.data.fingerprint != seen.fingerprint:
        what = f"{seen.data}: fingerprint {node.data.fingerprint}; {seen.fingerprint} where the sweep is started"
    if what:
        place = seen.data.partition(":")[2] or seen.data
        yield Finding(
            severity="error",
            check="data",
            node=label(node),
            what=what,
            mend=f"on {node.name} mount or copy the same files to the same path: `ls {place}` there and on the head.",
        )


def _ports(seen: ClusterSeen) -> Iterator[Finding]:
    """One finding for each port that others do not reach; one for a node that reaches no other at all."""
    names = {node.address: label(node) for node in seen.nodes}
    refused: dict[str, list[tuple[NodeSeen, Refusal]]] = defaultdict(list)
    for node in seen.nodes:
        if node.unreachable and not node.reached and len(seen.nodes) > 2:
            yield Finding(
                severity="error",
                check="network",
                node=label(node),
                what=f"reaches no port of any other node ({node.unreachable[0].why})",
                mend=f"on {node.name} let it out: `sudo iptables -L OUTPUT -n` and `ip route` say what is in the way.",
            )
            continue
        for refusal in node.unreachable:
            refused[f"{refusal.address} {refusal.port} {refusal.what}"].append((node, refusal))
    for cases in refused.values():
        refusal, sources = cases[0][1], [node.name for node, _ in cases]
        closed = "refused" in refusal.why
        host = names.get(refusal.address, refusal.address)
        open_it = f"`{_open(str(refusal.port), cases[0][0].address)}` {UNTIL_REBOOT}"
        restart = "nothing listens there: `fieldmark cluster up --restart CLUSTER_YAML` starts Ray anew"
        yield Finding(
            severity="error",
            check="network",
            node=host,
            what=f"port {refusal.port} ({refusal.what}) is not reached from {_list(sources)}: {refusal.why}",
            mend=f"{restart}." if closed else f"on {host.partition(' ')[0]} run {open_it}.",
        )


def _open(ports: str, source: str) -> str:
    return f"sudo iptables -I INPUT -s {source} -p tcp --dport {ports} -j ACCEPT"


def _list(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _names(seen: ClusterSeen) -> Iterator[Finding]:
    """A name that means loopback makes gloo offer that address to the other workers, which then wait for ever."""
    for node in seen.nodes:
        if len(seen.nodes) > 1 and node.named_by.startswith("127."):
            yield Finding(
                severity="error",
                check="network",
                node=label(node),
                what=f"its own name means {node.named_by}, where no other node finds it: training over nodes hangs",
                mend=f"on {node.name} write `{node.address} {node.name}` in /etc/hosts in place of {node.named_by}.",
            )


def _all_reduce(seen: ClusterSeen) -> Iterator[Finding]:
    for backend, problem in seen.all_reduce_problems.items():
        yield Finding(
            severity="error",
            check="all-reduce",
            node="cluster",
            what=f"{backend} over {len(seen.nodes)} nodes failed: {problem}",
            mend="let the nodes reach each other on ports 1024 and up: "
            f"`{_open('1024:65535', 'NETWORK/24')}` on each {UNTIL_REBOOT}.",
        )
    for backend in {found.backend for found in seen.all_reduce}:
        best = max((found for found in seen.all_reduce if found.backend == backend), key=lambda found: found.gb_s)
        if best.gb_s < SLOW_GB_S:
            yield Finding(
                severity="warning",
                check="all-reduce",
                node="cluster",
                what=f"{backend} sums {best.gb_s * 1000:.1f} MB/s over {best.workers} nodes: the gradients of a "
                f"ResNet-50 need {EXAMPLE_BYTES / 1e9 / best.gb_s:.0f} s a step",
                mend="train each run on one node (`--workers` no larger than a node's), or look at the network: "
                "`ethtool INTERFACE`.",
            )
