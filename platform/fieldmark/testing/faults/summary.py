"""What all injections come to, for docs/evidence/faults.json and docs/reliability.md."""

from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from fieldmark.testing.faults.record import Injection, load

WORDS = {
    "trial_killed": "SIGKILL to the process of a PriorsNet trial",
    "ddp_worker_killed": "SIGKILL to one of two workers of a training",
    "driver_killed": "SIGKILL to the driver; then the same command",
    "trial_hangs": "a trial hangs for ever after fitting (`--hang-after 15s`)",
    "trial_out_of_memory": "a trial asks for more memory than there is",
    "second_driver": "the same command again while the first one drives",
    "sweeps_together": "drivers of other sweeps work on the same store at once",
    "clock_jumps": "the wall clock jumps by up to a day (an injected clock)",
    "worker_killed": "a worker node loses its power, its trials with it",
    "worker_cut_off": "a worker node's cable is out for 20 to 40 s",
    "worker_cut_off_for_good": "a worker node's cable is out for good",
    "head_killed": "the head loses its power, the driver with it; then the same command on a new head",
    "store_disk_full": "the disk of the store is full for 20 to 40 s; recovery from its end",
    "node_disk_full": "the disk of a node, where Ray has its logs, is full for a while",
    "store_read_only": "the store is read-only for 30 to 60 s; recovery from its end",
}
"""What is done, by kind, in the order of the page."""


def summary(folder: Path) -> dict[str, Any]:
    """Returns the figures of every kind that has any, from the files of a folder."""
    found = {name: load(folder / f"{name}.jsonl") for name in WORDS}
    kinds = {name: _of_kind(injections) for name, injections in found.items() if injections}
    revisions = sorted({one.revision for injections in found.values() for one in injections if one.revision})
    return {"injections": sum(one["injected"] for one in kinds.values()), "revisions": revisions, "kinds": kinds}


def page(evidence: dict[str, Any]) -> str:
    """Returns docs/reliability.md."""
    kinds = evidence["kinds"]
    machine = f"{evidence['machine']['processor']}, {evidence['machine']['cores']} cores"
    rows = [_row(name, kinds[name]) for name in WORDS if name in kinds]
    again = max((one["slowest_again_seconds"] for one in kinds.values()), default=0.0)
    checks = dict.fromkeys(check for one in kinds.values() for check in one["checks"])
    return "\n".join(
        [
            "# Reliability: faults on purpose",
            "",
            "<!-- Written by python -m fieldmark.testing.faults.page from docs/evidence/faults.json -->",
            "",
            f"{evidence['injections']} faults of {len(kinds)} kinds were injected at random moments drawn from a seed,",
            "several to a sweep or training. Each end was compared with that of the same command left alone.",
            "Hosts are network namespaces on one machine, with their own addresses, processes, sshd and Ray node;",
            "they share its clock and its cores.",
            "",
            "| fault | injected | runs lost | given up once | median recovery | slowest |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "*Recovery*: seconds from the fault until every run that it ended is recorded after all; of drivers,",
            "heads and stores: until the next run is recorded; of trainings: until their state is saved again. What",
            "had to be detected, started anew and done again is in it. Of hosts, where no run was done again: the",
            "longest time without a new run. A dash: nothing to recover from.",
            "A run goes on from its last checkpoint (every 30 s; after every epoch of a training by several workers):",
            "what was done since then is done again (of the trainings whose workers were killed: at most "
            f"{again:.1f} s of work).",
            "*Given up once*: runs that lost their worker three times, or ran out of memory twice, in one command;",
            "the same command again has done them.",
            "",
            "At the end of every sweep this was checked:",
            "",
            *(f"* {check}" for check in checks),
            "",
            f"Measured on {machine}, at revision(s) {', '.join(one[:10] for one in evidence['revisions'])}.",
            f"To repeat it (it goes on where it was cut off; the hosts need root): `{evidence['command']}`.",
            "",
        ]
    )


def _of_kind(injections: Iterable[Injection]) -> dict[str, Any]:
    found = list(injections)
    seconds = [one.recovered_seconds for one in found if one.recovered_seconds is not None]
    return {
        "injected": len(found),
        "runs_lost": sum(one.lost.get("runs", 0) for one in found),
        "given_up": sum(one.lost.get("given_up", 0) for one in found),
        "median_seconds": round(median(seconds), 1) if seconds else None,
        "slowest_seconds": round(max(seconds), 1) if seconds else None,
        "slowest_again_seconds": max((one.lost.get("seconds_again", 0.0) for one in found), default=0.0),
        "checks": sorted({check for one in found for check in one.checks}),
    }


def _row(name: str, kind: dict[str, Any]) -> str:
    times = [("–" if kind[key] is None else f"{kind[key]:.1f} s") for key in ("median_seconds", "slowest_seconds")]
    counts = [f"{kind[key]:g}" for key in ("injected", "runs_lost", "given_up")]
    return f"| {' | '.join([WORDS[name], *counts, *times])} |"
