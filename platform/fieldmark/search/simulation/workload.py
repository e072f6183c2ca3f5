"""How long simulated trials take and what they learn: stated, or like recorded ones."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from fieldmark.errors import UserError
from fieldmark.search.simulation.options import TRIAL_SECONDS, SimulateOptions

if TYPE_CHECKING:
    from fieldmark.store import Store

STATED_EPOCHS = 30
"""Those of the published PriorsNet."""
MOST_KEPT = 200
"""Recorded runs that are drawn from."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is made up for one trial."""

    seconds: float
    rows: list[dict[str, float]]
    """Its curve, one row an epoch."""
    top1: float
    """On tune."""


class Workload:
    """Makes trials up, each by its run's id and the seed alone."""

    def __init__(self, options: SimulateOptions) -> None:
        """Reads the recorded runs, if there are any to be like.

        Raises:
            UserError: the store of --like has no completed run of that sweep.
        """
        self._seed = options.seed
        self._spread = options.spread
        self._recorded = _recorded(options)
        mean = fmean(one.seconds for one in self._recorded) if self._recorded else 1.0
        wanted = options.trial_seconds or (mean if self._recorded else TRIAL_SECONDS)
        self._factor = wanted / mean
        self.mean_seconds = wanted
        self.described = (
            f"lengths and curves of {len(self._recorded)} runs recorded in {options.like}, "
            f"brought to a mean of {wanted:.3g} s"
            if self._recorded
            else f"{wanted:g} s each, {STATED_EPOCHS} epochs"
            + (f", log-normal with a standard deviation of {self._spread:.0%}" if self._spread else "")
        )

    def of(self, run_id: str, params: Mapping[str, Any]) -> Trial:
        """Returns a trial.

        Args:
            run_id: of its run.
            params: Optuna's: of stated trials the rate decides how well they do.
        """
        luck = random.Random(f"{self._seed} {run_id}")
        if self._recorded:
            found = luck.choice(self._recorded)
            return Trial(seconds=found.seconds * self._factor, rows=found.rows, top1=found.top1)
        sigma = math.sqrt(math.log1p(self._spread**2))
        seconds = self._factor * math.exp(luck.gauss(-(sigma**2) / 2, sigma))
        best = 0.6 - 0.1 * (math.log10(params.get("lr", 1e-3)) + 3) ** 2 + luck.gauss(0, 0.02)
        rows = [_row(epoch, best * (1 - math.exp(-epoch / 6))) for epoch in range(1, STATED_EPOCHS + 1)]
        return Trial(seconds=seconds, rows=rows, top1=best)


def _row(epoch: int, top1: float) -> dict[str, float]:
    return {"epoch": epoch, "loss": 1 - top1, "top1": top1}


def _recorded(options: SimulateOptions) -> list[Trial]:
    if options.like is None:
        return []
    import pyarrow.compute as pc

    from fieldmark.store import Store

    url, sweep = options.like_store
    try:
        store = Store.open(url, create=False)
    except UserError as error:
        raise UserError(f"--like {options.like}: {str(error).removeprefix(f'--store {url}: ')}") from None
    searched = pc.field("role").isin(["published", "search", "confirmation"])
    known = searched & (pc.field("status") == "completed") & (pc.field("seconds") > 0)
    runs = store.runs(["run_id", "sweep", "seconds", "top1"], known).sort_by("run_id").to_pylist()
    runs = [run for run in runs if run["sweep"].startswith(sweep) and run["top1"] is not None]
    if not runs:
        raise UserError(f"--like {options.like}: no completed run of a sweep is recorded there")
    drawn = random.Random(options.seed).sample(runs, min(MOST_KEPT, len(runs)))
    return [Trial(seconds=run["seconds"], rows=_curve(store, run["run_id"]), top1=run["top1"]) for run in drawn]


def _curve(store: "Store", run_id: str) -> list[dict[str, float]]:
    curve = store.curve(run_id)
    rows = [] if curve is None else curve.to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]
