"""Prints what a check of a cluster saw: a line a node, the network, and what to mend."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fieldmark.search.cluster.finding import Finding
from fieldmark.search.cluster.findings import differences
from fieldmark.search.cluster.seen import ClusterSeen, Look, NodeSeen

if TYPE_CHECKING:
    from rich.table import Table


def print_check(seen: ClusterSeen, findings: Sequence[Finding]) -> None:
    """Prints it to standard output."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(_nodes(seen))
    for line in _cluster(seen):
        console.print(line, markup=False, soft_wrap=True)
    if not findings:
        console.print(f"nothing to mend ({seen.seconds:.0f} s)")
        return
    console.print()
    for finding in findings:
        colour = "red" if finding.severity == "error" else "yellow"
        what = f"[{colour}]{finding.severity}[/] {finding.check}, [bold]{escape(finding.node)}[/]: "
        console.print(what, end="", soft_wrap=True)
        console.print(finding.what, markup=False, soft_wrap=True)
        # A command that is cut in two cannot be copied.
        console.print(f"    {finding.mend}", markup=False, soft_wrap=True)


def _nodes(seen: ClusterSeen) -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    caption = "memory and disks: what is free"
    # Without padding, for all of it to fit on 80 columns.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, caption=caption, caption_justify="left")
    whole = ("node", "clock")  # an address that is cut cannot be copied
    for name in ("node", "versions", "clock", "GPU", "memory", "store", "Ray's files", "cache", "data", "ports"):
        least = max(map(len, name.split()))
        table.add_column(name, no_wrap=name in whole, overflow="fold", min_width=least)
    for node in seen.nodes:
        table.add_row(*map(escape, _row(node, seen)))
    for absent in seen.absent:
        table.add_row(escape(absent.address), "not joined")
    return table


def _row(node: NodeSeen, seen: ClusterSeen) -> list[str]:
    versions = "?"
    if node.software is not None:
        other = len(differences(node.software, seen.reference)) + (node.software.source != seen.reference.source)
        versions = f"{other} differ" if other else "agree"
    free = {disk.what: f"{disk.free / 1e9:.0f} GB" for disk in node.disks}
    return [
        f"{node.name}{' (head)' if node.head else ''}",
        versions,
        f"{node.clock.offset:+.2f} s" if node.clock else "?",
        f"{len(node.gpus)} {', '.join(sorted({gpu.name for gpu in node.gpus}))}".strip(),
        f"{node.memory_free / 1e9:.0f} GB" if node.memory_total else "?",
        f"{_look(node.store)} {free.get('store', '')}".strip(),
        free.get("Ray's files", "?"),
        free.get("cache", "?"),
        _look(node.data),
        f"{node.reached}/{node.reached + len(node.unreachable)}",
    ]


def _look(look: Look | None) -> str:
    return "-" if look is None else "WRONG" if look.problem else "ok"


def _cluster(seen: ClusterSeen) -> list[str]:
    store, data = (text or f"not looked at (--{flag})" for flag, text in (("store", seen.store), ("data", seen.data)))
    return [f"store {store}; data {data}"] + [
        f"all-reduce, {found.backend}, {found.workers} nodes, {found.bytes / 1e6:.0f} MB: "
        f"{found.seconds * 1000:.0f} ms, {found.gb_s:.2f} GB/s"
        for found in seen.all_reduce
    ]
