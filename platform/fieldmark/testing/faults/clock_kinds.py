"""A wall clock that jumps: an injected clock (libfaketime), for processes of one machine share its real one."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fieldmark.testing.faults.record import Injection
from fieldmark.testing.faults.scene import SweepScene
from fieldmark.testing.faults.sweep_kinds import AT_MOST, TRIAL, Found, injection

LIBRARIES: Sequence[Path] = (Path("/usr/lib"), Path("/usr/local/lib"))
MINUTE, DAY = 60, 24 * 3600
# Where libfaketime leaves the monotonic clock alone it refuses every sleep until a moment, which is how Python sleeps.
SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"


def jump(scene: SweepScene, draw: random.Random) -> Found:
    """Sets the clock forward or back by up to a day, again and again while trials run, in one sweep."""
    command = replace(scene, environment=_with_clock(scene.folder)).start()
    found: list[Injection] = []
    while len(found) < AT_MOST and command.watch(lambda: bool(command.below(TRIAL))):
        if not command.watch_for(draw.uniform(0, 4)):
            break
        by = draw.choice((-1, 1)) * draw.randint(MINUTE, DAY)
        at = command.seconds
        _set(scene.folder, by)
        what = f"injected clock: {by:+d} s off from now on, in every process of the sweep"
        found.append(injection("clock_jumps", at, what, None))
        scene.wait_for_progress(command)
    printed = scene.ended(command)
    assert not found or _saw_it(scene), "the trials' own times of day show the injected clock"
    return printed, found


def library() -> Path | None:
    """Returns the library that injects a clock, or None where the machine has none."""
    return next((found for root in LIBRARIES for found in root.glob("**/faketime/libfaketimeMT.so.1")), None)


def _with_clock(folder: Path) -> dict[str, str]:
    site = folder / "site"
    site.mkdir(parents=True)
    (site / "sitecustomize.py").write_text(SLEEP)
    _set(folder, 0)
    return {
        "PYTHONPATH": str(site),
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _saw_it(scene: SweepScene) -> bool:
    """Whether any run's own time of its end is another than the kernel's of its record, by a minute at least."""
    records = ((one.stat().st_mtime, json.loads(one.read_text())) for one in scene.store.glob("records/*/record.json"))
    return any(abs(record["provenance"]["ended"] - written) > MINUTE for written, record in records)


def _set(folder: Path, seconds: int) -> None:
    new = folder / "clock.new"
    new.write_text(f"{seconds:+d}\n")
    new.replace(folder / "clock")
