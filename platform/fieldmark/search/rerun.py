"""Does a recorded run again and sets the numbers side by side; the store is not changed."""

from pydantic import BaseModel, ConfigDict

from fieldmark.config import BayesConfig, ImageStageConfig
from fieldmark.data.experiment import ExperimentData, experiment_data
from fieldmark.data.image_scores import load_image_scores
from fieldmark.data.observations import DataSet
from fieldmark.errors import UserError
from fieldmark.search.objective import Objective
from fieldmark.search.stages.images import with_given_scores, with_trained_scores
from fieldmark.search.stages.keys import stage_keys
from fieldmark.search.tasks import Task
from fieldmark.search.trial import run_trial
from fieldmark.store import Store
from fieldmark.store.records import EvaluationRecord, RunRecord


class Figure(BaseModel):
    """One number of a run, as recorded and as found now."""

    model_config = ConfigDict(frozen=True)

    split: str
    score: str
    metric: str
    recorded: float
    now: float


class Comparison(BaseModel):
    """A run done twice."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    figures: list[Figure]

    @property
    def equal(self) -> bool:
        """Whether every number is the same to the last digit."""
        return all(figure.recorded == figure.now for figure in self.figures)

    def lines(self) -> list[str]:
        """Returns what a person reads."""
        head = f"{'score':<26} {'metric':<9} {'recorded':>14} {'now':>14}"
        rows = [
            f"{f'{one.split} {one.score}':<26} {one.metric:<9} {one.recorded:>14.10f} {one.now:>14.10f}"
            + ("" if one.recorded == one.now else "  DIFFERS")
            for one in self.figures
        ]
        return [head, *rows, f"{self.run_id}: " + ("the same numbers" if self.equal else "other numbers")]


def rerun(store: Store, run_id: str, *, data: str | None = None, image_scores: str | None = None) -> Comparison:
    """Does a run again, in this process and on one thread, as a trial would.

    Args:
        store: holds the run and the stages that it consumed.
        run_id: the whole id.
        data: where the data set is now; default: where it was.
        image_scores: the file of image scores, for a run that was given one.

    Raises:
        UserError: a run that cannot be repeated so, or data that is not the run's.
    """
    import torch

    record = store.run(run_id)
    if isinstance(record.spec.config, ImageStageConfig | BayesConfig) or record.status != "completed":
        raise UserError(f"run {run_id}: only a completed prior can be repeated, not {record.spec.config.method}")
    torch.set_num_threads(1)
    scratch = Store.open("memory://")
    arrays = _arrays(store, record, data, image_scores)
    objective = Objective.default(images="image_scores" in record.spec.stages)
    task = Task(spec=record.spec, scale=record.scale, trial=record.trial, objective=objective)
    outcome = run_trial(task, arrays, scratch)
    if outcome.kind == "failed":
        raise UserError(f"run {run_id}: failed when repeated: {outcome.message}")
    return Comparison(run_id=run_id, figures=_figures(store, scratch, run_id))


def _arrays(store: Store, record: RunRecord, data: str | None, image_scores: str | None) -> ExperimentData:
    dataset = _dataset(store, record, data)
    arrays = experiment_data(dataset)
    if image_scores is not None:
        if stage_keys(dataset, image_scores)["image_scores"] != record.spec.stages.get("image_scores"):
            raise UserError(f"--image-scores {image_scores}: not the scores that run {record.run_id} was given")
        given = load_image_scores(image_scores, dataset)
        return with_given_scores(arrays, given, record.spec.stages)
    key = record.spec.stages.get("image_scores")
    if key is None:
        return arrays
    stage = store.stage(key)
    if stage is None:
        raise UserError(f"run {record.run_id}: its image scores came from a file; name it with --image-scores")
    return with_trained_scores(arrays, stage, record.spec.stages)


def _dataset(store: Store, record: RunRecord, data: str | None) -> DataSet:
    from fieldmark.data.open import open_dataset

    spec = record.spec
    cards = [card for card in store.cards() if (card.fingerprint, card.protocol) == (spec.fingerprint, spec.protocol)]
    if data is None and not cards:
        raise UserError(f"run {record.run_id}: its data set {spec.dataset} is not known here; name it with --data")
    dataset = open_dataset(data or cards[0].spec, protocol=spec.protocol)
    found = dataset.observations.fingerprint
    if found != spec.fingerprint:
        raise UserError(f"{data or cards[0].spec}: fingerprint {found[:10]}, but the run saw {spec.fingerprint[:10]}")
    return dataset


def _figures(store: Store, scratch: Store, run_id: str) -> list[Figure]:
    import pyarrow.compute as pc

    def metrics(where: Store) -> dict[tuple[str, str], dict[str, float]]:
        rows = where.evaluations(columns=["record"], where=pc.field("run_id") == run_id, retracted=True)
        records = [EvaluationRecord.model_validate_json(text) for text in rows["record"].to_pylist()]
        return {(one.split, one.score): one.metrics for one in records}

    before, now = metrics(store), metrics(scratch)
    if not before:
        raise UserError(f"run {run_id}: no evaluation of it is stored, so there is nothing to compare")
    return [
        Figure(split=split, score=score, metric=metric, recorded=value, now=now[split, score][metric])
        for (split, score), values in sorted(before.items())
        for metric, value in values.items()
    ]
