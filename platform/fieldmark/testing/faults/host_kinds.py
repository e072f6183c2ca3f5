"""Faults of hosts, networks and disks, several to a sweep, on a cluster of a head and two workers of their own.

A host that is cut off still reaches the store (which is no network file system here): what it goes on to write there
must do no harm. After a fault the cluster is made whole by hand, as an operator does it; the sweep is not touched.
"""

import random
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from fieldmark.testing.faults.command import Command
from fieldmark.testing.faults.episodes import Kind, in_episodes
from fieldmark.testing.faults.host_scene import HostScene
from fieldmark.testing.faults.ray_hosts import RAY_FOLDER, RayHosts
from fieldmark.testing.faults.record import Injection, load
from fieldmark.testing.faults.scene import Recovery
from fieldmark.testing.faults.sweep_kinds import Found, injection
from fieldmark.testing.hosts import Host

AT_MOST = 3
"""Faults injected into one sweep, at most."""
CUT_SECONDS = (20.0, 40.0)
"""Ray counts a node as lost after some 20 s of silence."""
FULL_SECONDS = (20.0, 40.0)
READ_ONLY_SECONDS = (30.0, 60.0)
NOTICE_SECONDS = 15.0
"""In which a node that was cut off finds out whether it is still counted."""

Inject = Callable[[HostScene, Command, Host, random.Random], Injection]
"""Injects one fault while a trial runs on that worker."""


def kill_worker(scene: HostScene, command: Command, worker: Host, draw: random.Random) -> Injection:
    """Switches a worker off in the middle of a trial; a new one joins later."""
    at, recovery = command.seconds, Recovery(scene)
    worker.kill()
    return injection("worker_killed", at, "a worker's power is cut", recovery.wait_for_runs(command))


def cut_for_a_while(scene: HostScene, command: Command, worker: Host, draw: random.Random) -> Injection:
    """Takes a worker's network away and gives it back."""
    at, recovery, seconds = command.seconds, Recovery(scene), draw.uniform(*CUT_SECONDS)
    worker.cut()
    command.watch_for(seconds)
    worker.mend()
    command.watch_for(NOTICE_SECONDS)
    recovered = recovery.wait_for_runs(command) if recovery.told else None
    left = "is counted still" if scene.cluster.works(worker) else "was given up by Ray and joined anew"
    return injection("worker_cut_off", at, f"a worker cut off for {seconds:.0f} s, which {left}", recovered)


def cut_for_good(scene: HostScene, command: Command, worker: Host, draw: random.Random) -> Injection:
    """Takes a worker's network away for ever, while the worker itself goes on; a new one joins later."""
    at, recovery = command.seconds, Recovery(scene)
    worker.cut()
    recovered = recovery.wait_for_runs(command)
    scene.wait_for_progress(command, draw.randint(1, 3))
    if worker.up:
        worker.kill()
    return injection("worker_cut_off_for_good", at, "a worker cut off for good, and running on", recovered)


def fill_node(scene: HostScene, command: Command, worker: Host, draw: random.Random) -> Injection:
    """Fills the disk of a worker for a while, on which Ray has its logs and spilled objects."""
    at, recovery, seconds = command.seconds, Recovery(scene), draw.uniform(*FULL_SECONDS)
    with scene.full(worker, RAY_FOLDER):
        command.watch_for(seconds)
    recovered = recovery.wait_for_runs(command) if recovery.told else None
    return injection("node_disk_full", at, f"a worker's disk full for {seconds:.0f} s", recovered)


def fill_store(scene: HostScene, command: Command, worker: Host, draw: random.Random) -> Injection:
    """Fills the disk of the store for a while."""
    full = scene.full(scene.cluster.head, scene.cluster.hosts.shared)
    return _store_fails(scene, command, draw.uniform(*FULL_SECONDS), full, "store_disk_full", "full")


def refuse_writes(scene: HostScene, command: Command, worker: Host, draw: random.Random) -> Injection:
    """Makes the store read-only for a while."""
    refused = scene.read_only(command)
    return _store_fails(scene, command, draw.uniform(*READ_ONLY_SECONDS), refused, "store_read_only", "read-only")


def again_and_again(inject: Inject, scene: HostScene, draw: random.Random) -> Found:
    """Injects into one sweep while trials run, makes the cluster whole after each, and has the sweep end."""
    scene.heal()
    command = scene.start()
    found: list[Injection] = []
    while len(found) < AT_MOST and (worker := scene.victim(command, draw)) is not None:
        found.append(inject(scene, command, worker, draw))
        scene.heal()
    printed = scene.ended(command)
    began = time.time() - command.seconds
    return printed, with_pauses(found, [moment - began for moment in scene.moments()])


def with_pauses(found: list[Injection], moments: list[float]) -> list[Injection]:
    """Takes the longest time without a new run for the recovery of faults after which no run had to be done again.

    Args:
        found: a sweep's faults, in their order.
        moments: when each of its runs was recorded, in seconds since its command began.
    """
    spans = pairwise([*(one.at for one in found), max(moments)])
    return [
        one if one.recovered_seconds is not None else replace(one, recovered_seconds=longest_pause(moments, *span))
        for one, span in zip(found, spans, strict=True)
    ]


def longest_pause(moments: list[float], start: float, end: float) -> float:
    """Returns the longest time between two moments of those that lie in this span, its ends among them; in seconds."""
    within = [start, *sorted(one for one in moments if start < one < end), end]
    return round(max(0.0, *(after - before for before, after in pairwise(within))), 2)


def kill_head(scene: HostScene, draw: random.Random) -> Found:
    """Switches the head off, with the driver on it; the same command goes on on a new head."""
    scene.heal()
    command = scene.start()
    found: list[Injection] = []
    while len(found) < AT_MOST and scene.victim(command, draw) is not None:
        at, recovery = command.seconds, Recovery(scene)
        scene.cluster.head.kill()
        command.ended()
        scene.cluster.head.boot()
        scene.cluster.start_head()
        scene.cluster.join(*scene.cluster.workers)
        command = scene.start()
        what = "the head's power is cut; a new head, the workers join it, the same command again"
        found.append(injection("head_killed", at, what, recovery.wait(command)))
    return scene.ended(command), found


FAULTS: dict[str, Callable[[HostScene, random.Random], Found]] = {
    "worker_killed": partial(again_and_again, kill_worker),
    "worker_cut_off": partial(again_and_again, cut_for_a_while),
    "worker_cut_off_for_good": partial(again_and_again, cut_for_good),
    "head_killed": kill_head,
    "store_disk_full": partial(again_and_again, fill_store),
    "node_disk_full": partial(again_and_again, fill_node),
    "store_read_only": partial(again_and_again, refuse_writes),
}
"""By name: what is done to one sweep."""


def inject_on_hosts(kind: str, folder: Path, wanted: int, seed: int) -> list[Injection]:
    """Injects until so many faults of a host kind are recorded; see `in_episodes`. The cluster lives as long.

    Raises:
        AssertionError: something was lost, or the kernel allows no hosts.
    """
    if len(known := load(folder / f"{kind}.jsonl")) >= wanted:
        return known
    homes = folder / f"{kind}-hosts"
    shutil.rmtree(homes, ignore_errors=True)  # of a loop that was cut off
    with RayHosts(homes) as cluster:
        faults = Kind(scene=HostScene.on(cluster), inject=FAULTS[kind])
        try:
            found = in_episodes(faults, kind, folder, wanted, seed)
        except BaseException:
            # The stores end with the hosts: a person will want to look.
            shutil.copytree(cluster.hosts.shared_here, folder / f"{kind}-stores", dirs_exist_ok=True)
            raise
    shutil.rmtree(homes)
    return found


HOST_KINDS = {kind: partial(inject_on_hosts, kind) for kind in FAULTS}
"""By name: injects into the folder until so many are recorded, from a seed."""


def _store_fails(
    scene: HostScene, command: Command, seconds: float, failing: AbstractContextManager[None], kind: str, how: str
) -> Injection:
    with failing:
        at = command.seconds
        command.watch_for(seconds)
    recovered = Recovery(scene).wait(command)
    return injection(kind, at, f"the store {how} for {seconds:.0f} s; recovery counted from its end", recovered)
