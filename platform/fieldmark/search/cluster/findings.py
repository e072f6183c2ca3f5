"""What is wrong with a cluster that was looked at, and how to mend it. Nothing here touches a cluster."""

from collections.abc import Iterator
from statistics import median_low
from typing import Literal

from fieldmark.search.cluster.finding import SHOWN, Finding, label
from fieldmark.search.cluster.reach import judge_reach
from fieldmark.search.cluster.seen import ClusterSeen, Disk, NodeSeen, Software

MAX_SKEW = 1.0
"""Seconds; machines with NTP stay below a tenth of that."""
LEAST_FREE = {"store": 10**9, "Ray's files": 10**9, "cache": 10**9}
"""Bytes."""
LEAST_FREE_SHARE_OF_RAY = 0.05
"""Below it Ray refuses to spill, and objects that do not fit end the trial."""
LEAST_MEMORY_SHARE = 0.1
"""Ray ends tasks when less than half of that is free."""


def judge(seen: ClusterSeen) -> tuple[Finding, ...]:
    """Returns all findings, errors first."""
    found = [
        *_silence(seen),
        *(finding for node in seen.nodes for finding in _software(node, seen)),
        *_clocks(seen),
        *(finding for node in seen.nodes for finding in (*_disks(node), *_memory(node), *_gpus(node, seen))),
        *judge_reach(seen),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity))


def _silence(seen: ClusterSeen) -> Iterator[Finding]:
    for node in seen.nodes:
        for what, why in node.silent.items():
            yield Finding(
                severity="error",
                check="answer",
                node=label(node),
                what=f"{what}: {why}",
                mend=f"look at /tmp/ray/session_latest/logs on {node.name}; "
                "`fieldmark cluster up --restart CLUSTER_YAML` starts Ray anew.",
            )


def differences(found: Software, expected: Software) -> dict[str, tuple[str, str]]:
    """Returns each library whose version differs, with the found and the expected version ("none": not installed).

    Builds of one version for a CPU or a GPU (2.14.1+cpu) count as the same.
    """
    pairs = {name: (found.libraries.get(name, "none"), version) for name, version in expected.libraries.items()}
    return {name: pair for name, pair in pairs.items() if pair[0].partition("+")[0] != pair[1].partition("+")[0]}


def _software(node: NodeSeen, seen: ClusterSeen) -> Iterator[Finding]:
    if node.software is None:
        return
    expected = seen.reference
    if node.software.python != expected.python:
        yield Finding(
            severity="error",
            check="versions",
            node=label(node),
            what=f"Python {node.software.python}; expected {expected.python}",
            mend=f"remove the environment on {node.name} and run `fieldmark cluster up CLUSTER_YAML`, which makes it.",
        )
    wrong = differences(node.software, expected)
    if wrong:
        texts = [f"{name} {found}, expected {version}" for name, (found, version) in wrong.items()]
        more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
        pins = " ".join(f"{name}=={version}" for name, (_, version) in list(wrong.items())[:SHOWN])
        yield Finding(
            severity="error",
            check="versions",
            node=label(node),
            what=f"{'; '.join(texts[:SHOWN])}{more} (by {seen.reference_name})",
            mend=f"on {node.name} run `~/fieldmark-project/.venv/bin/python -m pip install {pins}`.",
        )
    if node.software.source != expected.source:
        yield Finding(
            severity="error",
            check="versions",
            node=label(node),
            what=f"source {node.software.source}, expected {expected.source}: other files of the project",
            mend="run `fieldmark cluster up CLUSTER_YAML`, which brings the files.",
        )


def _clocks(seen: ClusterSeen) -> Iterator[Finding]:
    clocks = {label(node): node.clock for node in seen.nodes if node.clock is not None}
    if not clocks:
        return
    middle = median_low(clock.offset for clock in clocks.values())
    for name, clock in clocks.items():
        offset = clock.offset - middle
        if abs(offset) - clock.bound > MAX_SKEW:
            yield Finding(
                severity="error",
                check="clock",
                node=name,
                what=f"its clock is {abs(offset):,.1f} s {'ahead of' if offset > 0 else 'behind'} the others' "
                f"(± {clock.bound:.2g} s)",
                mend=f"on {name.partition(' ')[0]} run `sudo timedatectl set-ntp true`.",
            )


def _disks(node: NodeSeen) -> Iterator[Finding]:
    for disk in node.disks:
        ray = disk.what == "Ray's files"
        if disk.free >= LEAST_FREE[disk.what] and not (ray and disk.free < LEAST_FREE_SHARE_OF_RAY * disk.total):
            continue
        yield Finding(
            severity="error",
            check="disk",
            node=label(node),
            what=f"{disk.what}, {disk.path}: {_gb(disk.free)} of {_gb(disk.total)} free",
            mend=_room(node, disk),
        )


def _room(node: NodeSeen, disk: Disk) -> str:
    if disk.what == "store":
        return f"make room: `fieldmark gc --store {disk.path} --dry-run` says what can go."
    if disk.what == "cache":
        return f"on {node.name} make room in {disk.path}, which is made anew when needed, or set FIELDMARK_CACHE."
    return f"on {node.name} make room in {disk.path} (`du -sh {disk.path}/session_*`; old sessions can go)."


def _memory(node: NodeSeen) -> Iterator[Finding]:
    if node.memory_total and node.memory_free < LEAST_MEMORY_SHARE * node.memory_total:
        yield Finding(
            severity="warning",
            check="memory",
            node=label(node),
            what=f"{_gb(node.memory_free)} of {_gb(node.memory_total)} free; Ray ends tasks when a machine is full",
            mend=f"on {node.name} end what holds it: `ps -eo pid,rss,args --sort -rss | head`.",
        )


def _gpus(node: NodeSeen, seen: ClusterSeen) -> Iterator[Finding]:
    def finding(what: str, mend: str, severity: Literal["error", "warning"] = "error") -> Finding:
        return Finding(severity=severity, check="gpu", node=label(node), what=what, mend=mend)

    if node.gpus_of_ray > len(node.gpus):
        yield finding(
            f"Ray counts {node.gpus_of_ray} GPUs, its driver {len(node.gpus)}",
            f"on {node.name} run `nvidia-smi`; if it names none, reload the driver or restart the machine.",
        )
    elif node.gpus_of_ray < len(node.gpus):
        yield finding(
            f"has {len(node.gpus)} GPUs, Ray counts {node.gpus_of_ray}",
            "run `fieldmark cluster up --restart CLUSTER_YAML`, which starts Ray anew.",
            "warning",
        )
    if node.gpus and node.software is not None and not node.torch_cuda:
        yield finding(
            f"has {len(node.gpus)} GPUs, but its torch was built without CUDA",
            f"on {node.name} run `python -m pip install --force-reinstall -c constraints.txt torch torchvision` "
            "from an index of CUDA builds.",
        )
    drivers = {gpu.driver for other in seen.nodes for gpu in other.gpus}
    newest = max(drivers, key=_number, default="")
    for driver in sorted({gpu.driver for gpu in node.gpus} - {newest}):
        yield finding(f"driver {driver}; others have {newest}", f"on {node.name} install driver {newest}.", "warning")


def _number(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _gb(amount: float) -> str:
    return f"{amount / 1e9:.1f} GB" if amount >= 10**8 else f"{amount / 1e6:.0f} MB"
