"""Image scores: read from files, or by a small classifier that is trained once, and joined to the arrays."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from fieldmark.data.experiment import DenseScores, ExperimentData, ImageScores
from fieldmark.data.observations import DataSet, Split
from fieldmark.errors import UserError
from fieldmark.search.objective import Objective
from fieldmark.search.plan import SweepPlan
from fieldmark.search.stages.commit import commit_stage, stage_task
from fieldmark.search.stages.keys import IMAGE_STAGE, IMAGE_STAGE_SEED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fieldmark.store import Store

Say = Callable[[str], None]
PARTS = (Split.TRAIN, Split.TUNE, Split.TEST)


GivenScores = Mapping[Split, ImageScores]
"""Scores from the user's files, by part."""


def read_given_scores(path: str | None, dataset: DataSet, objective: Objective) -> GivenScores | None:
    """Returns the scores in the user's files, or None where none were named.

    Args:
        path: a file or folder.
        dataset: the data set they belong to.
        objective: what the sweep maximises on tune; a prior's own score needs no image there.

    Raises:
        UserError: scores of the wrong shape, or none for a part that is judged by them.
    """
    if path is None:
        return None
    from fieldmark.data.image_scores import load_image_scores

    scores = load_image_scores(path, dataset)
    needed = [Split.TEST] if objective.score.startswith("prior_") else [Split.TUNE, Split.TEST]
    for part in needed:
        if part not in scores:
            raise UserError(
                f"--image-scores {path}: no scores of the {part.name.lower()} records of protocol {dataset.protocol}; "
                "give them too, or judge settings by the prior alone with --objective prior_calibrated:log_loss"
            )
    return scores


def with_image_scores(
    data: ExperimentData, dataset: DataSet, plan: SweepPlan, store: "Store", given: GivenScores | None, say: Say
) -> ExperimentData:
    """Returns the arrays with image scores joined, made now where the store has none; records the image-only run.

    Args:
        data: the arrays of the data set.
        dataset: the data set, for its pictures.
        plan: names the stage.
        store: keeps the stage.
        given: the user's scores, or None to train a classifier.
        say: told what is going on, for people.
    """
    if "image_scores" not in plan.stages:
        return data
    seconds = 0.0
    if given is not None:
        joined = with_given_scores(data, given, plan.stages)
    else:
        arrays, seconds = _trained(dataset, plan.stages["image_scores"], store, say)
        joined = with_trained_scores(data, arrays, plan.stages)
    _record(joined, plan, store, seconds)
    return joined


def with_given_scores(data: ExperimentData, given: GivenScores, stages: Mapping[str, str]) -> ExperimentData:
    """Returns the arrays with the user's scores joined; they have no features."""
    return _joined(data, given, {}, stages)


def with_trained_scores(
    data: ExperimentData, arrays: "Mapping[str, NDArray[np.float32]]", stages: Mapping[str, str]
) -> ExperimentData:
    """Returns the arrays with a trained stage's scores and features joined.

    Args:
        data: the arrays of the data set.
        arrays: the stage's, `scores_<PART>` (N, C) and `features_<PART>` (N, F).
        stages: name and input hash of the stages that are joined.
    """
    scores = {split: DenseScores(scores_NC=arrays[f"scores_{split.name}"]) for split in PARTS}
    features = {split: arrays[f"features_{split.name}"] for split in PARTS}
    return _joined(data, scores, features, stages)


def _trained(dataset: DataSet, key: str, store: "Store", say: Say) -> "tuple[dict[str, NDArray[np.float32]], float]":
    from fieldmark.training.image_stage import train_image_stage

    arrays = store.stage(key)
    if arrays is not None:
        return arrays, float((store.stage_meta(key) or {}).get("seconds", 0.0))
    config = IMAGE_STAGE

    def report(epoch: int, metrics: Mapping[str, float]) -> bool:
        figures = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in metrics.items())
        say(f"image classifier {config.backbone}: epoch {epoch} of {config.epochs}, {figures}")
        return True

    result = train_image_stage(config, dataset, IMAGE_STAGE_SEED, report=report, threads=config.threads)
    arrays = {f"scores_{split.name}": scores for split, scores in result.scores.items()}
    arrays |= {f"features_{split.name}": features for split, features in result.features.items()}
    store.put_stage(key, arrays, {"config": config.model_dump(mode="json"), "seconds": result.seconds})
    return store.stage(key) or arrays, result.seconds  # another maker may have been first: its arrays count


def _joined(
    data: ExperimentData,
    scores: "Mapping[Split, ImageScores]",
    features: "Mapping[Split, NDArray[np.float32]]",
    stages: Mapping[str, str],
) -> ExperimentData:
    parts = {
        split: replace(part, image_scores=scores.get(split), image_features_NF=features.get(split))
        for split, part in data.parts.items()
    }
    return replace(data, parts=parts, stages=stages)


def _record(data: ExperimentData, plan: SweepPlan, store: "Store", seconds: float) -> None:
    from fieldmark.training.evaluation import evaluate_image_only

    task = stage_task(plan, plan.image_stage, "stage")
    if not store.has_run(task.run_id):
        commit_stage(store, task, evaluate_image_only(data), seconds, plan.image_stage.epochs)
