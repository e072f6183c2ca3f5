"""The models of Figure S3, and the pictures that all of them are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldmark.data.images.experiment import ImageExperiment
from fieldmark.data.observations import Split
from fieldmark.data.world.marks import Marks
from fieldmark.errors import UserError
from fieldmark.evaluation.localisation import marks_on_test
from fieldmark.evaluation.pictures import Pictures
from fieldmark.evaluation.stored import run_dataset
from fieldmark.export.load import Trained, load_stored
from fieldmark.export.stored import read_run
from fieldmark.figures.run_evaluations import needed_evaluation
from fieldmark.store import EvaluationRecord, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A model with the pictures that it is shown."""

    label: str
    trained: Trained
    data: ImageExperiment
    marks: Marks | None
    """Of the test pictures; None where the data set is no world."""
    evaluation: EvaluationRecord
    """Its own, on test."""
    right: frozenset[str]
    """Ids of the test pictures that it names rightly."""

    @property
    def side(self) -> int:
        """Of its pictures, in pixels."""
        return self.trained.config.resolution


def shown_runs(store: Store, runs: Mapping[str, str], data: str | None) -> list[Shown]:
    """Returns the models of these runs with the test part's pictures, each at its own resolution.

    Args:
        store: holds the runs.
        runs: label to run id.
        data: where their data set is now; default: where it was.

    Raises:
        UserError: no run, runs of different data, or a run without weights or predictions.
    """
    stored = {label: read_run(store, run_id) for label, run_id in runs.items()}
    if not stored:
        raise UserError("activation maps: no run is named")
    if len({(one.record.spec.fingerprint, one.record.spec.protocol) for one in stored.values()}) > 1:
        raise UserError("activation maps: these runs are of different data sets or protocols, and see other pictures")
    dataset, found = run_dataset(next(iter(stored.values())), data), []
    for label, one in stored.items():
        give = Pictures(dataset, one.config, cache=None, say=lambda _: None, splits=[Split.TEST], pack=False)
        experiment = give(one.config.resolution, crops=False)
        evaluation = needed_evaluation(store, one.record.run_id, "test")
        found.append(
            Shown(
                label=label,
                trained=load_stored(one),
                data=experiment,
                marks=marks_on_test(dataset, experiment, one.config.resolution),
                evaluation=evaluation,
                right=_right(store, evaluation),
            )
        )
    return found


def _right(store: Store, evaluation: EvaluationRecord) -> frozenset[str]:
    predictions = store.predictions(evaluation.evaluation_id)
    if predictions is None:
        raise UserError(f"run {evaluation.run_ids[0]}: the store {store.url} has no predictions of it on test")
    rows = zip(predictions["image_id"].to_pylist(), predictions["hit1"].to_pylist(), strict=True)
    return frozenset(name for name, hit in rows if hit == 1)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The pictures that are drawn."""

    ids: list[str]
    names: list[str]
    """Of their categories."""
    fallen_back: int
    """How many of them are not named rightly by every model."""


def chosen_pictures(shown: Sequence[Shown], count: int) -> Chosen:
    """Returns the first picture of each category that all name rightly and, where there are marks, whose mark all see.

    If these are fewer than `count`, the first of other categories follow; all in the data set's order.

    Raises:
        UserError: no test picture has a category.
    """
    first = shown[0]
    part, right = first.data.parts[Split.TEST], frozenset.intersection(*(one.right for one in shown))
    seen_N = part.category_N >= 0
    for one in shown:
        if one.marks is not None and one.marks.visible_N.any():
            seen_N = seen_N & one.marks.visible_N
    agreed_N = np.array([str(name) in right for name in part.image_id])
    taken: dict[int, int] = {}
    for wanted_N in (seen_N & agreed_N, seen_N):
        for position in np.flatnonzero(wanted_N).tolist():
            if len(taken) < count:
                taken.setdefault(int(part.category_N[position]), position)
    rows = sorted(taken.values())
    if not rows:
        raise UserError("activation maps: no test picture has a category")
    names = [first.data.categories[part.category_N[row]] for row in rows]
    return Chosen([str(part.image_id[row]) for row in rows], names, int((~agreed_N[rows]).sum()))


def positions_of(one: Shown, chosen: Chosen) -> NDArray[np.int64]:
    """Returns where the chosen pictures are in a model's test part."""
    place = {str(name): position for position, name in enumerate(one.data.parts[Split.TEST].image_id)}
    return np.array([place[name] for name in chosen.ids])
