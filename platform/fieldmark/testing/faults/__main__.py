"""Injects faults: ``python -m fieldmark.testing.faults KIND|all --injections N``; it goes on where it was cut off."""

import argparse
import sys
from pathlib import Path
from typing import Any

from fieldmark.testing.faults.clock_kinds import jump
from fieldmark.testing.faults.episodes import Kind, in_episodes
from fieldmark.testing.faults.host_kinds import HOST_KINDS
from fieldmark.testing.faults.record import Injection
from fieldmark.testing.faults.scene import ROOT, SweepScene, TrainingScene
from fieldmark.testing.faults.sweep_kinds import exhaust_memory, hang_trials, kill_drivers, kill_trials, second_drivers
from fieldmark.testing.faults.together_kinds import TogetherScene, start_together
from fieldmark.testing.faults.training_kinds import kill_workers

OF_PROCESSES, OF_HOSTS = 15, 3
"""Injections of each kind."""

PROCESS_KINDS: dict[str, Kind[Any]] = {
    "trial_killed": Kind(scene=SweepScene, inject=kill_trials),
    "driver_killed": Kind(scene=SweepScene, inject=kill_drivers),
    "trial_hangs": Kind(scene=SweepScene, inject=hang_trials),
    "trial_out_of_memory": Kind(scene=SweepScene, inject=exhaust_memory),
    "second_driver": Kind(scene=SweepScene, inject=second_drivers),
    "clock_jumps": Kind(scene=SweepScene, inject=jump),
    "sweeps_together": Kind(scene=TogetherScene, inject=start_together),
    "ddp_worker_killed": Kind(scene=TrainingScene, inject=kill_workers),
}


def main() -> None:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m fieldmark.testing.faults", description=__doc__)
    parser.add_argument("kind", choices=[*PROCESS_KINDS, *HOST_KINDS, "all"])
    number = f"of each kind, with those of earlier commands; default: {OF_PROCESSES}, of hosts' {OF_HOSTS}"
    parser.add_argument("--injections", type=int, help=number)
    parser.add_argument("--seed", type=int, default=0, help="of moments and victims")
    parser.add_argument("--folder", type=Path, default=ROOT / ".slow-state" / "faults")
    arguments = parser.parse_args()
    for name in [*PROCESS_KINDS, *HOST_KINDS]:
        if arguments.kind in (name, "all"):
            found = inject(name, arguments.folder, arguments.injections, arguments.seed)
            slowest = max((one.recovered_seconds or 0.0 for one in found), default=0.0)
            print(f"{name}: {len(found)} injections, slowest recovery {slowest:.1f} s", file=sys.stderr, flush=True)


def inject(name: str, folder: Path, wanted: int | None, seed: int) -> list[Injection]:
    """Injects faults of a kind until so many are recorded; see `in_episodes`."""
    if name in HOST_KINDS:
        return HOST_KINDS[name](folder, wanted or OF_HOSTS, seed)
    return in_episodes(PROCESS_KINDS[name], name, folder, wanted or OF_PROCESSES, seed)


if __name__ == "__main__":
    main()
