"""Faults of processes of a sweep, several to a sweep."""

import os
import random
import signal
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

from fieldmark.store.faults import FAULT, FAULT_STATE
from fieldmark.testing.faults.record import Injection
from fieldmark.testing.faults.scene import Recovery, Scene, SweepScene

AT_MOST = 5
"""Faults injected into one command."""
HANG_AFTER = "15s"
TRIAL = "ray::_Inner"
"""In the title of a trial's process."""

Found = tuple[dict[str, Any], list[Injection]]


def kill_trials(scene: Scene, draw: random.Random) -> Found:
    """Kills (SIGKILL) the process of a trial, again and again, in one sweep."""
    command = scene.start()
    found: list[Injection] = []
    while len(found) < AT_MOST and command.watch(lambda: bool(command.below(TRIAL))):
        if not command.watch_for(draw.uniform(0, 4)) or not (running := command.below(TRIAL)):
            continue
        victim = draw.choice(running)
        at, recovery = command.seconds, Recovery(scene)
        os.kill(victim, signal.SIGKILL)
        found.append(injection("trial_killed", at, "a trial's process", recovery.wait_for_runs(command)))
    return scene.ended(command), found


def kill_drivers(scene: Scene, draw: random.Random) -> Found:
    """Kills the driver at random moments; the same command goes on each time."""
    command = scene.start()
    found: list[Injection] = []
    while len(found) < AT_MOST and scene.wait_for_progress(command, draw.randint(1, 3)):
        if not command.watch_for(draw.uniform(0, 3)):
            break
        at, recovery = command.seconds, Recovery(scene)
        os.kill(command.popen.pid, signal.SIGKILL)
        command.ended()
        command = scene.start()
        found.append(injection("driver_killed", at, "the driver", recovery.wait(command)))
    return scene.ended(command), found


def hang_trials(scene: Scene, draw: random.Random) -> Found:
    """Has trials hang for ever between fitting and evaluating."""
    return _at_points(scene, draw, "trial_hangs", "hang", "--hang-after", HANG_AFTER)


def exhaust_memory(scene: Scene, draw: random.Random) -> Found:
    """Has trials ask for more memory than there is, between fitting and evaluating."""
    return _at_points(scene, draw, "trial_out_of_memory", "memory")


def second_drivers(scene: SweepScene, draw: random.Random) -> Found:
    """Starts the same command again while the first one drives: it is refused and names the first."""
    command = scene.start()
    found: list[Injection] = []
    command.watch(lambda: bool(list(scene.store.glob("sweeps/*/lease/*.json"))))
    while len(found) < AT_MOST and command.watch_for(draw.uniform(0, 2)):
        at = command.seconds
        other = scene.start()
        code, _ = other.ended()
        if command.popen.poll() is not None:
            break  # it came when the first had ended, and had nothing left to do
        assert code == 2, f"a second driver ended with exit code {code}"
        named = f"pid {command.popen.pid}" in (scene.folder / "driver.log").read_text()
        assert named, "it names the first"
        what = "the same command again: exit code 2, naming the first"
        found.append(injection("second_driver", at, what, None))
        scene.wait_for_progress(command)
    return scene.ended(command), found


def injection(kind: str, at: float, what: str, recovered: float | None, **lost: float) -> Injection:
    """Returns an injection; whether a run was lost its sweep's end tells."""
    return Injection(kind=kind, at=round(at, 2), what=what, recovered_seconds=recovered, lost=lost)


def _at_points(scene: Scene, draw: random.Random, kind: str, harm: str, *flags: str) -> Found:
    """Does harm at a point in the code that every trial comes to once, in trials drawn from a seed."""
    # So far apart that a run that is tried again is not harmed again: given up, it would change what is confirmed.
    nth = list(accumulate(draw.randint(3, 4) for _ in range(AT_MOST)))
    hits = scene.folder / "hits"
    fault = {FAULT: f"trial.fitted:{','.join(map(str, nth))}={harm}", FAULT_STATE: str(hits)}
    command = replace(scene, environment=fault).start(*flags)
    found: list[Injection] = []
    for one in nth:
        if not command.watch(partial(_has_hit, hits, one)):
            break
        at, recovery = command.seconds, Recovery(scene)
        what = f"the trial that came to trial.fitted as number {one}"
        found.append(injection(kind, at, what, recovery.wait_for_runs(command)))
    return scene.ended(command), found


def _has_hit(hits: Path, number: int) -> bool:
    return hits.exists() and hits.stat().st_size >= number
