"""Evaluates a stored classifier again by the centre crop: to verify what was recorded, or at another resolution."""

import time
from collections.abc import Callable, Iterable

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from fieldmark.data.observations import DataSet, Split
from fieldmark.data.select import take
from fieldmark.errors import UserError
from fieldmark.export.load import load_stored
from fieldmark.export.stored import StoredRun, read_run
from fieldmark.store import EvaluationRecord, RunRecord, Store
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.fit import FittedClassifier
from fieldmark.training.evaluation import Evaluated

TOLERANCE = 1e-4
"""Relative difference up to which two evaluations are called equal: float32 sums differ between machines by so much."""

Say = Callable[[str], None]


class Figures(BaseModel):
    """One part's metrics as found now, beside those that are recorded."""

    model_config = ConfigDict(frozen=True)

    split: str
    score: str
    view: str
    """Empty: the run's own centre crop."""
    n: int
    now: dict[str, float]
    recorded: dict[str, float] | None
    """None where nothing was recorded for this view before."""
    new: bool
    """Whether this evaluation has been recorded by this call."""

    @property
    def difference(self) -> float | None:
        """The largest relative difference of a metric; None where there was nothing to compare with."""
        if self.recorded is None:
            return None
        pairs = [(self.now[name], value) for name, value in self.recorded.items()]
        return max(abs(now - before) / max(abs(now), abs(before), 1e-12) for now, before in pairs)

    @property
    def equal(self) -> bool | None:
        """Whether the numbers agree to `TOLERANCE`; None where there was nothing to compare with."""
        return None if self.difference is None else self.difference <= TOLERANCE


def evaluate_run(
    store: Store,
    run: str,
    splits: Iterable[Split],
    *,
    data: str | None = None,
    resolution: int | None = None,
    device: str = "cpu",
    say: Say = lambda _: None,
) -> list[Figures]:
    """Returns the metrics of these parts; at another resolution than the run's they are recorded as a view.

    At the run's own resolution nothing is written: what was recorded at the end of training stands.

    Args:
        store: holds the run and its weights.
        run: its id or the first digits.
        splits: tune, test or both.
        data: where the run's data set is now; default: where it was.
        resolution: in pixels; default: the run's.
        device: as torch names it.
        say: told what is going on.

    Raises:
        UserError: no such run, other data than the run's, or a network that cannot take that resolution.
    """
    stored = read_run(store, run)
    size = resolution or stored.config.resolution
    view = "" if size == stored.config.resolution else f"center:{size}"
    started = time.monotonic()
    evaluated = _evaluate(stored, _dataset(stored, data, set(splits)), size, device, say)
    seconds = time.monotonic() - started
    return [_compared(store, stored.record, one, view, seconds) for one in evaluated]


def _dataset(stored: StoredRun, data: str | None, splits: set[Split]) -> DataSet:
    """Returns only these parts of the run's data set, so that the others' pictures need not be looked at."""
    from fieldmark.data.open import open_dataset

    spec = stored.record.spec
    if data is None and stored.card is None:
        raise UserError(f"run {stored.record.run_id}: where {spec.dataset} is, is not known here; name it with --data")
    where = data or (stored.card.spec if stored.card else "")
    dataset = open_dataset(where, protocol=spec.protocol)
    found = dataset.observations.fingerprint
    if found != spec.fingerprint:
        learned = f"{spec.dataset}{f' ({stored.card.spec})' if stored.card else ''}"
        told = f"run {stored.record.run_id[:10]} learned from {learned}, fingerprint {spec.fingerprint[:10]}"
        raise UserError(f"{where}: other data, fingerprint {found[:10]}; {told}")
    asked = np.flatnonzero(np.isin(dataset.split_N, sorted(splits)))
    observations = take(dataset.observations, asked)
    return DataSet(observations=observations, protocol=dataset.protocol, split_N=dataset.split_N[asked])


def _evaluate(stored: StoredRun, dataset: DataSet, size: int, device: str, say: Say) -> list[Evaluated]:
    from fieldmark.data.images.prepare import prepare_images

    trained = load_stored(stored)
    config = trained.config.model_copy(update={"resolution": size})
    experiment, report = prepare_images(
        dataset,
        resolution=size,
        # At another resolution files are shown as they are: shrunk for the run's own they would lack detail.
        side=config.picture_side if size == stored.config.resolution else None,
        pack=False,
        parts=[split for split in (Split.TUNE, Split.TEST) if (dataset.split_N == split).any()],
        say=say,
    )
    for line in report.lines():
        say(line)
    fitted = FittedClassifier(
        model=trained.model.to(device), config=config, execution=Execution(device=device), details={}
    )
    try:
        return fitted.evaluate(experiment)
    except (AssertionError, RuntimeError) as error:
        if size == stored.config.resolution:
            raise
        own = f"{config.backbone} was trained at {stored.config.resolution}"
        raise UserError(f"--resolution {size}: {own}, and cannot take it: {str(error).splitlines()[0]}") from error


def _compared(store: Store, record: RunRecord, one: Evaluated, view: str, seconds: float) -> Figures:
    before = _recorded(store, record, one, view)
    new = False
    if view:
        new = store.commit_evaluation(_record(record, one, view, seconds), predictions=one.predictions)
    return Figures(
        split=one.split,
        score=one.score,
        view=view,
        n=len(one.predictions),
        now=one.metrics,
        recorded=None if before is None else before.metrics,
        new=new,
    )


def _recorded(store: Store, record: RunRecord, one: Evaluated, view: str) -> EvaluationRecord | None:
    where = (pc.field("run_id") == record.run_id) & (pc.field("runs") == 1)
    where = where & (pc.field("split") == one.split) & (pc.field("score") == one.score)
    found = store.evaluation_records(where, views=True)
    return next((kept for kept in found if kept.view == view), None)


def _record(record: RunRecord, one: Evaluated, view: str, seconds: float) -> EvaluationRecord:
    return EvaluationRecord(
        run_ids=(record.run_id,),
        spec=record.spec,
        scale=record.scale,
        split=one.split,
        score=one.score,
        n=len(one.predictions),
        metrics=one.metrics,
        details=one.details,
        role=record.trial.role,
        sweep=record.trial.sweep,
        parameters=record.parameters,
        seconds=seconds,
        view=view,
    )
