"""Several sweeps that share one store at once."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fieldmark.store import Store
from fieldmark.testing.faults.command import Command
from fieldmark.testing.faults.difference import difference
from fieldmark.testing.faults.end_state import check_sweep
from fieldmark.testing.faults.scene import SMALL_WORLD, SweepScene
from fieldmark.testing.faults.sweep_kinds import Found, injection

DRIVERS = 4


@dataclass(frozen=True, kw_only=True)
class TogetherScene(SweepScene):
    """Sweeps of other search seeds, which have published rows and baselines in common."""

    @property
    def job(self) -> tuple[str, ...]:
        """The program in `jobs/` and its flags."""
        return ("sweep_priorsnet.py", "--data", SMALL_WORLD, "--trials", "3", "--seeds", "1", "--executor", "local")

    def start_all(self, draw: random.Random) -> tuple[list[Command], list[float]]:
        """Starts every driver while the first one is under way; returns them, and when each came."""
        commands, at = [self.start(*_flags(0))], [0.0]
        commands[0].watch(lambda: self.progress() > 0)
        for number in range(1, DRIVERS):
            commands[0].watch_for(draw.uniform(0, 1))
            at.append(commands[0].seconds)
            commands.append(self.start(*_flags(number)))
        return commands, at

    def whole(self) -> Store:
        """Has the sweeps end one after the other, once."""
        printed = self.folder / "printed.json"
        if not printed.exists():
            ends = [self.ended(self.start(*_flags(number)), *_flags(number)) for number in range(DRIVERS)]
            printed.write_text(json.dumps(ends))
        return self.opened()

    def check(self, printed: Mapping[str, Any], undisturbed: Store) -> tuple[str, ...]:
        """Returns what holds at the end of all sweeps."""
        store = self.opened()
        found = [check for sweep in printed["sweeps"] for check in check_sweep(store, sweep)]
        assert difference(undisturbed, store) == 0.0, "what drivers did at once is what they do one after the other"
        return (*dict.fromkeys(found), "runs, curves and evaluations equal those of the sweeps one after the other")


def start_together(scene: TogetherScene, draw: random.Random) -> Found:
    """Has several drivers of different sweeps work at once; they share half of their runs."""
    commands, at = scene.start_all(draw)
    sweeps = [scene.ended(command, *_flags(number))["sweep"] for number, command in enumerate(commands)]
    assert len(set(sweeps)) == DRIVERS
    found = [injection("sweeps_together", one, "a driver of another sweep on the same store", None) for one in at[1:]]
    return {"sweeps": sweeps}, found


def _flags(number: int) -> tuple[str, ...]:
    return ("--search-seed", str(number), "--sampler", "random")
