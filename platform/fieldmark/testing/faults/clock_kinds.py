"""A wall clock that jumps: an injected clock (libfaketime), for processes of one machine share its real one."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fieldmark.testing.faults.record import Injection
from fieldmark.testing.faults.scene import Recovery, SweepScene
from fieldmark.testing.faults.sweep_kinds import AT_MOST, Found, injection

LIBRARIES: Sequence[Path] = (Path("/usr/lib"), Path("/usr/local/lib"))
HOUR = 3600


@dataclass(frozen=True, kw_only=True)
class ClockScene(SweepScene):
    """A sweep whose processes, Ray's among them, believe a clock that a file sets."""


def jump(scene: ClockScene, draw: random.Random) -> Found:
    """Sets the clock forward or back by up to a day, again and again, in one sweep."""
    scene.folder.mkdir(parents=True, exist_ok=True)
    clock = scene.folder / "clock"
    _set(clock, 0)
    fake = {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    command = replace(scene, environment=fake).start()
    found: list[Injection] = []
    while len(found) < AT_MOST and scene.wait_for_progress(command):
        by = draw.choice((-1, 1)) * draw.randint(HOUR // 60, 24 * HOUR)
        at, recovery = command.seconds, Recovery(scene)
        _set(clock, by)
        found.append(injection("clock_jumps", at, f"injected: the wall clock is set {by:+d} s", recovery.wait(command)))
    return scene.ended(command), found


def library() -> Path | None:
    """Returns the library that injects a clock, or None where the machine has none."""
    return next((found for root in LIBRARIES for found in root.glob("**/faketime/libfaketimeMT.so.1")), None)


def _set(clock: Path, seconds: int) -> None:
    new = clock.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.replace(clock)
