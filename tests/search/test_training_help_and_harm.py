"""Pictures turned right and wrong, against a count by hand."""

import pyarrow as pa
import pytest

from fieldmark.config import ClassifierConfig, RunSpec, Scale
from fieldmark.search.objective import Objective
from fieldmark.search.tasks import Task
from fieldmark.search.training.help_and_harm import help_and_harm
from fieldmark.store import EvaluationRecord, Store


def task(fusion, score):
    spec = RunSpec(config=ClassifierConfig(fusion=fusion), dataset="d", fingerprint="f", protocol="official:0")
    return Task(spec=spec, scale=Scale(name="smoke"), trial={}, objective=Objective(score=score, metric="top1"))


RUN, ALONE = task("dynamic_mlp_c", "joint"), task("image_only", "image")


def put(store, task, hits):
    record = EvaluationRecord(
        run_ids=(task.run_id,),
        spec=task.spec,
        scale=task.scale,
        split="test",
        score=task.objective.score,
        n=len(hits),
        metrics={"top1": sum(hits.values()) / len(hits)},
    )
    store.commit_evaluation(record, predictions=pa.table({"image_id": list(hits), "hit1": list(hits.values())}))


def test_pictures_are_paired_by_their_names_and_ties_share_their_credit():
    store = Store.open("memory://")
    put(store, ALONE, {"a": 0.0, "b": 1.0, "c": 1.0, "d": 0.5, "gone": 1.0})
    put(store, RUN, {"d": 1.0, "c": 1.0, "b": 0.25, "a": 1.0})
    assert help_and_harm(store, RUN, ALONE) == (4, pytest.approx(1.5), pytest.approx(0.75))


def test_without_predictions_of_both_nothing_is_said():
    store = Store.open("memory://")
    put(store, RUN, {"a": 1.0})
    assert help_and_harm(store, RUN, ALONE) is None
