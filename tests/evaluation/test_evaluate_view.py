"""Evaluations in a view are recorded once, with or without whole probabilities, and only of the run's own data."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from fieldmark.config import FrozenConfig, View
from fieldmark.data.observations import Split
from fieldmark.data.open import open_dataset
from fieldmark.errors import UserError
from fieldmark.evaluation.pictures import Pictures
from fieldmark.evaluation.record import evaluate_view, is_evaluated, view_evaluation_id
from fieldmark.evaluation.scoring import score_view
from fieldmark.export.folder import export_run
from fieldmark.export.load import load_trained
from fieldmark.store import Store
from fieldmark.store.faults import FAULT
from fieldmark.testing.trained_run import WORLD, record_trained_run

VIEW = View.parse("ten:24+32")


def test_tune_and_test_are_recorded_once(made):
    assert not is_evaluated(made.store, made.run_id, VIEW, probabilities=False)
    records = evaluate_view(made.store, made.run_id, VIEW, made.pictures())
    assert [(one.split, one.score, one.view) for one in records] == [
        ("tune", "joint", "ten:24+32"),
        ("test", "joint", "ten:24+32"),
    ]
    for one in records:
        assert one.evaluation_id == view_evaluation_id(made.run_id, one.split, "joint", VIEW.text)
        predictions = made.store.predictions(one.evaluation_id)
        assert predictions["hit1"].to_numpy().mean() == pytest.approx(one.metrics["top1"]) and len(predictions) == one.n
    assert is_evaluated(made.store, made.run_id, VIEW, probabilities=False)
    assert not is_evaluated(made.store, made.run_id, VIEW, probabilities=True)
    before = made.everything()
    assert evaluate_view(made.store, made.run_id, VIEW, made.pictures()) == records
    assert made.everything() == before


def test_probabilities_may_be_kept_later_and_are_those_of_the_predictions(made):
    (tune, test) = evaluate_view(made.store, made.run_id, VIEW, made.pictures())
    assert evaluate_view(made.store, made.run_id, VIEW, made.pictures(), keep_probabilities=True) == [tune, test]
    assert is_evaluated(made.store, made.run_id, VIEW, probabilities=True)
    kept, predictions = made.store.probabilities(test.evaluation_id), made.store.predictions(test.evaluation_id)
    true_N = kept[np.arange(test.n), predictions["true_category"].to_numpy()]
    np.testing.assert_allclose(true_N, predictions["true_probability"].to_numpy(), atol=1e-3)
    np.testing.assert_allclose(kept.sum(axis=1, dtype=np.float64), 1, atol=5e-3)


def test_the_runs_own_view_gets_probabilities_and_no_further_record(on_world):
    own = on_world.store.evaluation_records(views=True)
    for view in (View(), View(sizes=(32,))):
        assert is_evaluated(on_world.store, on_world.run_id, view, probabilities=False)
        found = evaluate_view(on_world.store, on_world.run_id, view, on_world.pictures(), keep_probabilities=True)
        assert {one.evaluation_id for one in found} == {one.evaluation_id for one in own}
    assert on_world.store.evaluation_records(views=True) == own
    assert len(on_world.store.list("probabilities")) == 2


def test_an_unrecorded_run_is_not_evaluated(on_world):
    assert not is_evaluated(on_world.store, "0" * 32, View(), probabilities=False)


def test_an_image_only_score_has_its_own_name():
    store = Store.open("memory://")
    run_id = record_trained_run(store, fusion="image_only")
    pictures = Pictures(open_dataset(WORLD), store.run(run_id).spec.config, cache=None, say=print, pack=False)
    assert {one.score for one in evaluate_view(store, run_id, VIEW, pictures)} == {"image"}
    assert is_evaluated(store, run_id, VIEW, probabilities=False)


def test_over_the_budget_nothing_is_kept_and_the_need_is_told(on_world):
    categories = 6
    rows = [len(on_world.dataset.indices(split)) for split in (Split.TUNE, Split.TEST)]
    needed = 2 * sum(rows) * categories
    arguments = {"keep_probabilities": True, "probabilities_budget": needed - 1}
    with pytest.raises(UserError, match=rf"--probabilities-budget {needed - 1}: {needed} bytes.*at least {needed}"):
        evaluate_view(on_world.store, on_world.run_id, VIEW, on_world.pictures(), **arguments)
    assert on_world.store.list("probabilities") == []
    arguments["probabilities_budget"] = needed
    evaluate_view(on_world.store, on_world.run_id, VIEW, on_world.pictures(), **arguments)
    with pytest.raises(UserError, match="--probabilities-budget"):
        evaluate_view(on_world.store, on_world.run_id, View.parse("twelve"), on_world.pictures(), **arguments)


def test_other_data_are_refused(on_world):
    config = on_world.store.run(on_world.run_id).spec.config
    other = Pictures(open_dataset(f"{WORLD},seed=3"), config, cache=None, say=print, pack=False)
    with pytest.raises(UserError, match="learned from world"):
        evaluate_view(on_world.store, on_world.run_id, VIEW, other)
    assert not is_evaluated(on_world.store, on_world.run_id, VIEW, probabilities=False)


class FewerPictures(Pictures):
    """Of every part, one record has lost its label."""

    def __call__(self, size, crops):
        data = super().__call__(size, crops)
        parts = {}
        for split, part in data.parts.items():
            parts[split] = replace(part, category_N=np.where(np.arange(len(part)) == 1, -1, part.category_N))
        return replace(data, parts=parts)


def test_pictures_that_have_gone_are_noticed(made):
    config = made.store.run(made.run_id).spec.config
    fewer = FewerPictures(made.dataset, config, cache=None, say=print, pack=False)
    with pytest.raises(UserError, match="they are not the"):
        evaluate_view(made.store, made.run_id, View(), fewer, keep_probabilities=True)
    assert made.store.list("probabilities") == []


def test_a_run_on_frozen_features_is_a_model_like_any_other(on_world, tmp_path):
    store = on_world.store
    run = store.run(on_world.run_id)
    settings = run.spec.config.model_dump(mode="json", exclude={"method"}) | {"mixup": 0.0, "cutmix": 0.0}
    spec = run.spec.model_copy(update={"config": FrozenConfig(**settings, views=2)})
    for one in store.evaluation_records():
        predictions = store.predictions(one.evaluation_id)
        frozen = one.model_copy(update={"run_ids": (spec.run_id,), "spec": spec})
        store.commit_evaluation(frozen, predictions=predictions)
    store.put_weights(spec.run_id, store.weights(run.run_id))
    store.commit_run(run.model_copy(update={"run_id": spec.run_id, "spec": spec}))
    found, expected = (evaluate_view(store, one, VIEW, on_world.pictures()) for one in (spec.run_id, run.run_id))
    assert [one.metrics for one in found] == [one.metrics for one in expected]
    assert {one.spec.config.method for one in found} == {"frozen"}
    exported = load_trained(export_run(store, spec.run_id, tmp_path / "export"))
    assert exported.config == load_trained(store, spec.run_id).config and exported.config.method == "classifier"
    seen = score_view(exported, on_world.pictures(), Split.TEST, VIEW)
    assert seen.evaluated.metrics == pytest.approx(found[1].metrics)


KILLED = """
import sys
from fieldmark.config import View
from fieldmark.data.open import open_dataset
from fieldmark.evaluation.pictures import Pictures
from fieldmark.evaluation.record import evaluate_view
from fieldmark.store import Store
url, run_id, data = sys.argv[1:]
store = Store.open(url)
pictures = Pictures(open_dataset(data), store.run(run_id).spec.config, cache=None, say=print, pack=False)
evaluate_view(store, run_id, View.parse("ten:24+32"), pictures, keep_probabilities=True)
"""


@pytest.mark.parametrize(
    "point",
    [
        "probabilities.written:1",
        pytest.param("commit_evaluation.predictions:2", marks=pytest.mark.slow),
    ],
)
def test_killed_between_probabilities_and_record_the_same_again_completes(tmp_path, on_world, point):
    undisturbed = evaluate_view(on_world.store, on_world.run_id, VIEW, on_world.pictures(), keep_probabilities=True)
    store = Store.open(str(tmp_path / "runs"))
    run_id = record_trained_run(store)
    program = [sys.executable, "-c", KILLED, store.url, run_id, WORLD]
    done = subprocess.run(program, env=os.environ | {FAULT: point}, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    assert store.list("probabilities") and not is_evaluated(store, run_id, VIEW, probabilities=True)
    again = evaluate_view(store, run_id, VIEW, on_world.pictures(), keep_probabilities=True)
    assert is_evaluated(store, run_id, VIEW, probabilities=True)
    assert [one.metrics for one in again] == [one.metrics for one in undisturbed]
    for one in again:
        kept = store.probabilities(one.evaluation_id)
        assert np.array_equal(kept, on_world.store.probabilities(one.evaluation_id))
    assert store.problems() == [] and store.conflicts() == []
