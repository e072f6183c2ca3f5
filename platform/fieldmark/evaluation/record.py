"""Evaluates a stored classifier in a view, once: probabilities first where they are kept, the record last."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from fieldmark.config import ClassifierConfig, ClassifierFields, FrozenConfig, View, digest
from fieldmark.errors import UserError
from fieldmark.evaluation.limits import BUDGET
from fieldmark.evaluation.room import has_probabilities, require_room
from fieldmark.store import EvaluationRecord, RunRecord, Store
from fieldmark.store.evaluated import evaluation_record

if TYPE_CHECKING:
    from fieldmark.evaluation.pictures import Pictures
    from fieldmark.evaluation.scoring import Seen

SplitName = Literal["tune", "test"]
SPLITS: tuple[SplitName, ...] = ("tune", "test")
SCORES = ("joint", "image")


def score_of(config: ClassifierFields) -> str:
    """Returns the score source by which a classifier is judged."""
    return "joint" if config.looks_at_location else "image"


def view_evaluation_id(run_id: str, split: str, score: str, view_text: str) -> str:
    """Returns the id under which a run's evaluation in a view is stored (that of `EvaluationRecord`).

    Args:
        run_id: the run.
        split: tune or test.
        score: joint, or image where place and date change nothing.
        view_text: `View.text`; empty for the run's own. `View.parse` leaves out what says no more than that.
    """
    view = {"view": view_text} if view_text else {}
    return digest({"runs": (run_id,), "split": split, "score": score, **view})


def view_ids(store: Store, run_id: str, view: View) -> dict[SplitName, str]:
    """Returns the ids of a recorded run's evaluations in a view, for the parts on which the run itself was evaluated.

    Raises:
        UserError: no such run, or it is no classifier's.
    """
    config = _config(store.run(run_id))
    return _ids(store, run_id, config, _as_run(view, config).text)


def _ids(store: Store, run_id: str, config: ClassifierFields, text: str) -> dict[SplitName, str]:
    likely = score_of(config)
    # A fusion of a user's own may look at nothing but the picture, which its configuration does not tell. What is not
    # there is the costliest to ask for, so the other score is tried only where the likely one is missing altogether.
    for score in sorted(SCORES, key=lambda one: one != likely):
        own = {split: view_evaluation_id(run_id, split, score, "") for split in SPLITS}
        there = [split for split in SPLITS if store.has_evaluation(own[split])]
        if there:
            return {split: view_evaluation_id(run_id, split, score, text) for split in there}
    return {}


def of_run(view: View, run: RunRecord) -> View:
    """Returns the view without what the run does by itself.

    Raises:
        UserError: the run is no classifier's, or it does not look at the fields that the view is about.
    """
    config = _config(run)
    _check_fields(view, run.run_id, config)
    return _as_run(view, config)


def _check_fields(view: View, run_id: str, config: ClassifierFields) -> None:
    inputs = {"place": config.encoding != "none", "date": config.date}
    looked_at = [name for name, used in inputs.items() if used] if config.looks_at_location else []
    if view.fields == "as_trained" or (looked_at and view.fields in ("none", *looked_at)):
        return
    seen = f"of place and date at {looked_at[0]} alone" if looked_at else "at the picture alone"
    raise UserError(f"fields {view.fields}: run {run_id[:10]} looks {seen}, so there is nothing to see in such a view")


def _config(run: RunRecord) -> ClassifierConfig | FrozenConfig:
    config = run.spec.config
    if not isinstance(config, ClassifierConfig | FrozenConfig):
        raise UserError(f"run {run.run_id}: method {config.method} is shown no pictures in views")
    return config


def _as_run(view: View, config: ClassifierFields) -> View:
    return View.parse(view.text, resolution=config.resolution)


def is_evaluated(store: Store, run_id: str, view: View, probabilities: bool) -> bool:
    """Whether a run is recorded with its evaluations in a view, and, where asked, with their whole probabilities."""
    return store.has_run(run_id) and has_view(store, run_id, _config(store.run(run_id)), view, probabilities)


def has_view(store: Store, run_id: str, config: ClassifierFields, view: View, probabilities: bool) -> bool:
    """Whether a recorded run of this configuration has its evaluations in a view; see `is_evaluated`.

    Where it has, nothing is asked of the store but for them.
    """
    text = _as_run(view, config).text
    likely = [view_evaluation_id(run_id, split, score_of(config), text) for split in SPLITS]
    if all(_is_done(store, evaluation_id, probabilities) for evaluation_id in likely):
        return True
    found = _ids(store, run_id, config, text)
    return bool(found) and all(_is_done(store, evaluation_id, probabilities) for evaluation_id in found.values())


def evaluate_view(
    store: Store,
    run_id: str,
    view: View,
    pictures: "Pictures",
    *,
    keep_probabilities: bool = False,
    probabilities_budget: int = BUDGET,
    device: str = "cpu",
    on_batch: Callable[[], object] | None = None,
) -> list[EvaluationRecord]:
    """Returns a run's evaluations in a view, and makes those that are not recorded.

    Of the run's own view nothing new is recorded, but its probabilities are kept if asked.

    Args:
        store: holds the run and its weights.
        run_id: the run.
        view: how the pictures are shown.
        pictures: of the data set that the run learned from, and for its configuration.
        keep_probabilities: whether whole probabilities are kept, for ensembles.
        probabilities_budget: bytes that all kept probabilities of the store may take.
        device: as torch names it.
        on_batch: told after every batch of pictures.

    Raises:
        UserError: no such run, other data than the run's, a network that cannot take a size, or no room.
    """
    run = store.run(run_id)
    view, ids = _as_run(view, _config(run)), view_ids(store, run_id, view)
    left = [split for split, found in ids.items() if not _is_done(store, found, keep_probabilities)]
    if left:
        pictures.check(run_id, run.spec)
        _make(store, run, view, left, pictures, keep_probabilities, probabilities_budget, device, on_batch)
    return [store.evaluation(found) for found in ids.values()]


def _make(
    store: Store,
    run: RunRecord,
    view: View,
    splits: Sequence[SplitName],
    pictures: "Pictures",
    keep_probabilities: bool,
    budget: int,
    device: str,
    on_batch: Callable[[], object] | None,
) -> None:
    from fieldmark.data.observations import Split
    from fieldmark.evaluation.scoring import score_view
    from fieldmark.export.load import load_trained

    trained = load_trained(store, run.run_id)
    if keep_probabilities:
        require_room_for(store, run.run_id, view, splits, len(trained.categories), budget)
    for split in splits:
        started = time.monotonic()
        part = Split[split.upper()]
        seen = score_view(trained, pictures, part, view, keep=keep_probabilities, device=device, on_batch=on_batch)
        if seen is not None:
            keep(store, run, seen, view, time.monotonic() - started)


def require_room_for(
    store: Store, run_id: str, view: View, splits: Iterable[SplitName], categories: int, budget: int
) -> None:
    """Looks whether the probabilities of a view that are not kept yet can be.

    Raises:
        UserError: as `require_room`.
    """
    ids, own = view_ids(store, run_id, view), view_ids(store, run_id, View())
    missing = [split for split in splits if split in ids and not has_probabilities(store, ids[split])]
    require_room(store, sum(store.evaluation(own[split]).n for split in missing) * categories, budget)


def keep(store: Store, run: RunRecord, seen: "Seen", view: View, seconds: float) -> bool:
    """Keeps what a view showed of a run; returns whether a record was written, which the run's own view never is.

    Raises:
        UserError: before, other pictures were seen in this view.
    """
    found = seen.evaluated
    record = evaluation_record(run, found, run.parameters, seconds, view=view.text)
    before = store.predictions(record.evaluation_id)
    if before is not None and not before["image_id"].equals(found.predictions["image_id"]):
        raise UserError(
            f"run {run.run_id}: when it was evaluated it had {len(before):,} pictures in {found.split}, and they are "
            f"not the {len(found.predictions):,} that can be read now"
        )
    if seen.probability_NC is not None:
        store.put_probabilities(record.evaluation_id, seen.probability_NC)
    return bool(view.text) and store.commit_evaluation(record, predictions=found.predictions)


def _is_done(store: Store, evaluation_id: str, probabilities: bool) -> bool:
    return store.has_evaluation(evaluation_id) and (not probabilities or has_probabilities(store, evaluation_id))
