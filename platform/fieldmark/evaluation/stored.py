"""Evaluates a stored classifier again: to verify what was recorded, or in other views, which are recorded."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from fieldmark.config import View
from fieldmark.data.observations import DataSet, Split
from fieldmark.errors import UserError
from fieldmark.evaluation.limits import BUDGET
from fieldmark.evaluation.pictures import Pictures
from fieldmark.evaluation.record import SPLITS, keep, of_run, require_room_for
from fieldmark.evaluation.scoring import Seen, score_view
from fieldmark.export.load import load_stored
from fieldmark.export.stored import StoredRun
from fieldmark.store import RunRecord, Store
from fieldmark.store.evaluated import evaluation_record

TOLERANCE = 1e-4
"""Relative difference up to which two evaluations are called equal: float32 sums differ between machines by so much."""

Say = Callable[[str], None]


class Figures(BaseModel):
    """One part's metrics as found now, beside those that are recorded."""

    model_config = ConfigDict(frozen=True)

    evaluation_id: str
    split: str
    score: str
    view: str
    """A `View`'s text; empty: the run's own centre crop."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Whether whole probabilities are kept, and how much room they have."""

    probabilities: bool = False
    budget: int = BUDGET
    """Bytes, of all that the store keeps."""


def evaluate_run(
    store: Store,
    stored: StoredRun,
    dataset: DataSet,
    splits: Iterable[Split],
    *,
    views: Sequence[View] = (View(),),
    keeping: Keeping = Keeping(),
    device: str = "cpu",
    say: Say = lambda _: None,
) -> list[Figures]:
    """Returns the metrics of these parts in these views, found now; those of other views than the run's are recorded.

    Of the run's own view nothing is written but, if asked, probabilities: what was recorded when it ended stands.

    Args:
        store: where other views are recorded.
        stored: the run.
        dataset: that it learned from (see `run_dataset`).
        splits: tune, test or both.
        views: how the pictures are shown.
        keeping: whether whole probabilities are kept.
        device: as torch names it.
        say: told what is going on.

    Raises:
        UserError: a network that cannot take a size, or no room.
    """
    views = list(dict.fromkeys(of_run(view, stored.record) for view in views))
    pictures = Pictures(dataset, stored.config, cache=None, say=say, splits=list(splits), pack=False)
    trained, found = load_stored(stored), []
    named = [name for name in SPLITS if Split[name.upper()] in pictures.splits]
    for view in views:
        if keeping.probabilities:
            require_room_for(store, stored.record.run_id, view, named, len(trained.categories), keeping.budget)
        for split in pictures.splits:
            started = time.monotonic()
            seen = score_view(trained, pictures, split, view, keep=keeping.probabilities, device=device)
            if seen is not None:
                found.append(_compared(store, stored.record, seen, view, time.monotonic() - started))
    return found


def run_dataset(stored: StoredRun, data: str | None = None) -> DataSet:
    """Returns the data set that a run learned from.

    Args:
        stored: the run.
        data: where it is now; default: where it was.

    Raises:
        UserError: it is not known where it was, or what is there now is other data.
    """
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
    return dataset


def _compared(store: Store, run: RunRecord, seen: Seen, view: View, seconds: float) -> Figures:
    one = seen.evaluated
    evaluation_id = evaluation_record(run, one, 0, 0, view=view.text).evaluation_id
    before = store.evaluation(evaluation_id) if store.has_evaluation(evaluation_id) else None
    found = Figures(
        evaluation_id=evaluation_id,
        split=one.split,
        score=one.score,
        view=view.text,
        n=len(one.predictions),
        now=one.metrics,
        recorded=None if before is None else before.metrics,
        new=False,
    )
    if found.equal is False:  # what would be kept contradicts the record
        return found
    return found.model_copy(update={"new": keep(store, run, seen, view, seconds)})
