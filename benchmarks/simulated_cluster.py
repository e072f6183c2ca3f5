"""What one driver costs on clusters that are not there: 10,000 simulated trials, with a random sampler and with TPE.

    python benchmarks/simulated_cluster.py [--json] [--trials N] [--only cluster-tpe] [--clock processor] [--figure F]

* cluster: ten-minute trials on 1,000 nodes (a tenth as many as trials) that do not fail: what the driver costs.
* failing: the same, where every node fails once in a hundred hours: what failures cost. Ten rounds of equal trials are
  hard on them: whoever loses a trial in the last round ends up to a trial and an outage after all others.
* published: one-second trials on 16 slots, the setting of which Ray's documentation of Tune's scalability tells 715 s
  where 625 s are ideal, 14 % over it. Tune's figure has Ray in it, ours has not: it is simulated.

Every simulation has a process of its own, so that memory is its own. Everything that it prints says "simulated".
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from fieldmark.search.simulation.figure import draw
from fieldmark.search.simulation.options import SimulateOptions
from fieldmark.search.simulation.result import SimulationResult
from fieldmark.search.simulation.simulate import simulate

TRIALS = 10_000
TUNE = {"trials": 10_000, "slots": 16, "ideal_seconds": 625.0, "seconds": 715.0, "overhead": 715 / 625 - 1}
"""As published by Ray: 10,000 trials of one second on 16 CPUs."""
SETTINGS: dict[str, dict[str, Any]] = {
    "cluster": {"trial_seconds": 600.0, "failures": 0.0},
    "failing": {"trial_seconds": 600.0, "failures": 0.01},
    "published": {"nodes": 1, "slots": 16, "trial_seconds": 1.0, "failures": 0.0},
}
NAMES = ("cluster-random", "cluster-tpe", "failing-random", "published-random", "published-tpe")
"""Setting and sampler; what failures cost does not depend on the sampler."""


def options_of(name: str, trials: int, clock: str) -> SimulateOptions:
    """Returns the flags of a simulation, e.g. `cluster-tpe`."""
    setting, _, sampler = name.partition("-")
    nodes = {"nodes": max(1, trials // 10)} if setting != "published" else {}
    return SimulateOptions.model_validate(
        {**SETTINGS[setting], **nodes, "trials": trials, "sampler": sampler, "clock": clock}
    )


def in_its_own_process(name: str, trials: int, clock: str) -> dict[str, Any]:
    """Returns the figures of one simulation."""
    command = [sys.executable, __file__, "--one", name, "--trials", str(trials), "--clock", clock]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def measure(names: list[str], trials: int, clock: str) -> dict[str, Any]:
    """Returns all figures."""
    begun, load = time.monotonic(), os.getloadavg()[0]
    found = {name: in_its_own_process(name, trials, clock) for name in names}
    return {
        "simulated": True,
        "machine": f"{platform.platform()}, {os.cpu_count()} cores",
        "load_before": round(load, 1),
        "wall_seconds": time.monotonic() - begun,
        "ray_tune_published": TUNE,
        "simulations": found,
    }


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def text(figures: dict[str, Any]) -> str:
    """Returns the figures for people."""
    parts = [f"simulated | machine         {figures['machine']}, load {figures['load_before']} before"]
    for name, one in figures["simulations"].items():
        parts += [f"simulated | --- {name}", SimulationResult.model_validate(one).text()]
        if name.startswith("published"):
            parts.append(
                f"simulated | beside it       Ray Tune published {TUNE['seconds']:.0f} s, {TUNE['overhead']:.0%} over "
                "ideal; that was not simulated, and had Ray in it"
            )
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=TRIALS, help="of every simulation")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall", help="of the driver's work")
    parser.add_argument("--only", action="append", choices=NAMES, help="this simulation; repeatable")
    parser.add_argument("--one", choices=NAMES, help=argparse.SUPPRESS)
    parser.add_argument("--figure", type=Path, help="draw the cluster's simulations to this PNG")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(simulate(options_of(args.one, args.trials, args.clock), say=say).to_json()))
        return
    figures = measure(args.only or [*NAMES], args.trials, args.clock)
    drawn = [SimulationResult.model_validate(one) for name, one in figures["simulations"].items() if "cluster" in name]
    if args.figure and drawn:
        draw(drawn, args.figure)
    print(json.dumps(figures) if args.json else text(figures))


if __name__ == "__main__":
    main()
