"""What of a plan is recorded, and how its values compare image by image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fieldmark.store.records import METRICS
from fieldmark.tables.predictions import Predictions
from fieldmark.tables.reproduced.lines import Line
from fieldmark.tables.reproduction import PlannedRun
from fieldmark.tables.sources import Results
from fieldmark.tables.statistics import Difference, ImageResampler

MOST_SEEDS = Predictions.MOST_SEEDS
_EVALUATION = ("evaluation_id", "n", *METRICS)
_RUN = ("run_id", "parameters", "multiply_adds", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A line's seeds whose test evaluation is recorded."""

    dataset: str
    runs: tuple[PlannedRun, ...]
    metrics: dict[str, tuple[float, ...]]
    """Each metric over the seeds, where every seed has it."""
    test_records: int
    sizes: dict[str, int]
    """`parameters` and `multiply_adds` as run; empty for an ensemble."""
    seconds: float | None
    """Mean time of a run."""

    @property
    def top1(self) -> float:
        """Mean top-1, a fraction."""
        return float(np.mean(self.metrics["top1"]))


class Reading:
    """The recorded part of the lines of a table, read from the store's catalogue once."""

    def __init__(self, store: Results, lines: Sequence[Line]) -> None:
        planned = [run for line in lines if line.planned for run in (*line.planned.runs, *line.planned.image_only)]
        bounds = [line.planned.bound for line in lines if line.planned is not None]
        ids = pa.array({one for run in planned for one in (run.tune, run.test)} | {*bounds} - {""}, pa.string())
        found = store.evaluations(columns=_EVALUATION, where=pc.field("evaluation_id").isin(ids), views=True)
        self._evaluations: dict[str, dict[str, Any]] = {row["evaluation_id"]: row for row in found.to_pylist()}
        names = pa.array({run.run_id for run in planned}, pa.string())
        runs = store.runs(columns=_RUN, where=pc.field("run_id").isin(names))
        self._runs: dict[str, dict[str, Any]] = {row["run_id"]: row for row in runs.to_pylist()}
        self._store = store
        self._predictions: dict[str, Predictions] = {}
        self._resamplers: dict[int, ImageResampler] = {}

    def recorded(self, runs: Iterable[PlannedRun]) -> tuple[PlannedRun, ...]:
        """Returns the seeds whose test evaluation is recorded."""
        return tuple(run for run in runs if run.test in self._evaluations)

    def value(self, line: Line) -> Value | None:
        """Returns what a line measured, or None."""
        return self._value(line.printed.dataset or "", line.planned.runs) if line.planned is not None else None

    def image_only(self, line: Line) -> Value | None:
        """Returns what the image-only classifiers beside a line measured, or None."""
        return self._value(line.printed.dataset or "", line.planned.image_only) if line.planned is not None else None

    def bound(self, line: Line) -> float | None:
        """Returns the top-1 of the Bayes classifier that sees what a line sees, or None."""
        found = self._evaluations.get(line.planned.bound) if line.planned is not None else None
        return None if found is None else found["top1"]

    def tune_top1(self, value: Value) -> float | None:
        """Returns a value's mean top-1 on tune, or None where a seed lacks it."""
        found = [self._evaluations.get(run.tune) for run in value.runs]
        known = [row["top1"] for row in found if row is not None]
        return float(np.mean(known)) if known and len(known) == len(found) else None

    def members(self, run: PlannedRun) -> tuple[str, ...]:
        """Returns the evaluations that an ensemble averages on test."""
        return self._store.evaluation(run.test).members

    def difference(self, one: Value, other: Value) -> Difference | None:
        """Returns the difference in top-1 over the seeds that both have, or None without them or their predictions.

        Pairs of one seed share their image model or their data order, so seeds are drawn in pairs like the images.
        """
        pairs = self._paired(one, other)
        if pairs is None:
            return None
        gain_SN = pairs[0] - pairs[1]
        images = gain_SN.shape[1]
        resampler = self._resamplers.setdefault(images, ImageResampler(images))
        return resampler.difference(gain_SN, np.zeros((1, images)))

    def turned(self, one: Value, other: Value) -> tuple[float, float] | None:
        """Returns images that a run turns right and wrong against the other of its seed, averaged over seeds."""
        pairs = self._paired(one, other)
        if pairs is None:
            return None
        gain_SN = pairs[0] - pairs[1]
        right, wrong = np.maximum(gain_SN, 0), np.maximum(-gain_SN, 0)
        return float(right.sum(axis=1).mean()), float(wrong.sum(axis=1).mean())

    def _paired(self, one: Value, other: Value) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Returns credit (S, N) of two values on the seeds that both have."""
        if one.dataset != other.dataset:
            return None
        tests = {run.seed: run.test for run in other.runs}
        shared = [(run.test, tests[run.seed]) for run in one.runs if run.seed in tests][:MOST_SEEDS]
        predictions = self._predictions.setdefault(one.dataset, Predictions(self._store))
        hits = [(predictions.hits_of(first), predictions.hits_of(second)) for first, second in shared]
        known = [(first, second) for first, second in hits if first is not None and second is not None]
        if not known or len(known) < len(hits):
            return None
        return np.stack([first for first, _ in known]), np.stack([second for _, second in known])

    def _value(self, dataset: str, planned: Iterable[PlannedRun]) -> Value | None:
        runs = self.recorded(planned)
        if not runs:
            return None
        rows = [self._evaluations[run.test] for run in runs]
        known = [self._runs[run.run_id] for run in runs if run.run_id in self._runs]
        return Value(
            dataset=dataset,
            runs=runs,
            metrics={
                name: tuple(row[name] for row in rows) for name in METRICS if all(row[name] is not None for row in rows)
            },
            test_records=rows[0]["n"],
            sizes={name: known[0][name] for name in ("parameters", "multiply_adds")} if known else {},
            seconds=float(np.mean([row["seconds"] for row in known])) if known else None,
        )
