"""How to get a page's results again: the command, and what they were made with."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from fieldmark.figures.sweep_scores import SweepScores

if TYPE_CHECKING:
    from fieldmark.store import RunRecord, Store

LIBRARIES = ("torch", "ray", "optuna", "numpy")


def command(store: "Store", scores: SweepScores) -> str:
    """Returns the command that goes on with a sweep, with every flag that its identity depends on.

    The store does not know where a user's own file of image scores lies: FILE stands for it.
    """
    plan = store.plan(scores.sweep) or {}
    words = ["python", "jobs/sweep_priorsnet.py", "--data", scores.card.spec if scores.card else scores.dataset]
    for name in ("trials", "seeds", "loss", "sampler", "search_seed"):
        if name in plan:
            words += [f"--{name.replace('_', '-')}", str(plan[name])]
    for dimension in plan.get("vary", ()):
        words += ["--vary", dimension]
    if plan.get("early_stopping"):
        words += ["--scheduler", "asha"]
    words += ["--objective", f"{scores.goal.score}:{scores.goal.metric}", "--protocol", scores.protocol]
    if _scores_were_given(store, scores.sweep):
        words += ["--image-scores", "FILE"]
    return shlex.join([*words, "--scale", scores.scale.name, "--store", store.url])


def _scores_were_given(store: "Store", sweep: str) -> bool:
    own_stage = (pc.field("sweep") == sweep) & (pc.field("role") == "stage")
    return "given" in store.runs(["config.backbone"], own_stage)["config.backbone"].to_pylist()


def facts(store: "Store", scores: SweepScores) -> list[tuple[str, str]]:
    """Returns what identifies the data and the software, by name."""
    found = [("Sweep", scores.sweep), ("Data fingerprint", scores.fingerprint), ("Split protocol", scores.protocol)]
    runs = store.run_records(pc.field("sweep") == scores.sweep)
    seconds = sum(run.cost.seconds for run in runs)
    found.append(("Runs recorded", f"{len(runs):,}, {duration(seconds)} of training in all"))
    return [*found, *software(runs)]


def software(runs: "Sequence[RunRecord]") -> list[tuple[str, str]]:
    """Returns what the run that ended last was made with, by name; nothing without runs."""
    if not runs:
        return []
    latest = max(runs, key=lambda run: (run.provenance.ended, run.run_id)).provenance
    libraries = [f"{name} {latest.versions[name]}" for name in LIBRARIES if name in latest.versions]
    revision = latest.git_revision[:12] + (" with changes not committed" if latest.git_dirty else "")
    facts = [("Python", latest.python), ("Libraries", ", ".join(libraries)), ("Revision", revision)]
    return [(name, value) for name, value in (("Last run on", latest.device), *facts) if value]


def duration(seconds: float) -> str:
    """Returns a time in seconds, minutes or hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
