"""Ensembles: from the store as from the models, members by tune alone, recorded once."""

from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fieldmark.config import View
from fieldmark.data.observations import Split
from fieldmark.data.open import open_dataset
from fieldmark.errors import UserError
from fieldmark.evaluation.ensemble import ensemble_ids, mean_probabilities, record_ensemble
from fieldmark.evaluation.pictures import Pictures
from fieldmark.evaluation.record import evaluate_view
from fieldmark.export.load import load_trained
from fieldmark.store import EvaluationRecord, Store
from fieldmark.testing.store import sample_run
from fieldmark.testing.trained_run import WORLD, record_trained_run
from fieldmark.training.classifier.execution import Execution
from fieldmark.training.classifier.views import view_scores
from fieldmark.training.metrics import metrics


def candidate(store, seed, *, tune=0.5, test=0.5, scores_NC=None, ids=None):
    """Records a run with evaluations of these top-1 and, where given, probabilities; returns the evaluations' ids."""
    run = sample_run(seed)
    store.commit_run(run)
    found = []
    for split, top1 in (("tune", tune), ("test", test)):
        n = 4 if scores_NC is None else len(scores_NC)
        record = EvaluationRecord(
            run_ids=(run.run_id,),
            spec=run.spec,
            scale=run.scale,
            split=split,
            score="joint",
            n=n,
            metrics={"top1": top1},
            parameters=10,
        )
        images = ids or [f"i{k}" for k in range(n)]
        table = pa.table({"image_id": images, "true_category": pa.array(np.arange(n) % 3, pa.int32())})
        if scores_NC is not None:
            store.put_probabilities(record.evaluation_id, scores_NC)
        store.commit_evaluation(record, predictions=table)
        found.append(record.evaluation_id)
    return run.run_id, tuple(found)


def ensemble(store, made, above=0.4):
    return record_ensemble(store, [pair for _, pair in made], above, run_ids=[run_id for run_id, _ in made])


def uniform(seed, n=6):
    scores_NC = np.random.default_rng(seed).random((n, 3))
    return scores_NC / scores_NC.sum(axis=1, keepdims=True)


def test_from_the_store_it_is_what_the_models_say():
    store, dataset, view = Store.open("memory://"), open_dataset(WORLD), View.parse("center:24+32")
    made, said = [], []
    for seed in (0, 1):
        run_id = record_trained_run(store, seed=seed, sharpness=100.0)
        pictures = Pictures(dataset, store.run(run_id).spec.config, cache=None, say=print, pack=False)
        trained = load_trained(store, run_id)
        for one in (View(), view):
            records = evaluate_view(store, run_id, one, pictures, keep_probabilities=True)
            made.append((run_id, tuple(record.evaluation_id for record in records)))
            said.append(view_scores(trained.model, trained.config, pictures, Split.TEST, one, execution=Execution()))
    tune, test = ensemble(store, made, above=0.0)
    assert (tune.split, test.split) == ("tune", "test") and len(test.members) == 4 and len(test.run_ids) == 2
    part = pictures(32, False).parts[Split.TEST]
    labelled = part.category_N >= 0
    expected_NC = np.mean(said, axis=0, dtype=np.float64)[labelled]
    expected = metrics(expected_NC, part.category_N[labelled])
    assert test.metrics == pytest.approx(expected.metrics(), abs=1e-3)
    predictions = store.predictions(test.evaluation_id)
    np.testing.assert_allclose(predictions["true_probability"].to_numpy(), expected.probability_N, atol=1e-3)
    np.testing.assert_array_equal(
        np.array([row[0] for row in predictions["top_categories"].to_pylist()]), expected_NC.argmax(axis=1)
    )
    assert predictions["image_id"].to_pylist() == part.image_id[labelled].tolist()
    assert test.view.startswith("ensemble:") and test.parameters == 2 * store.run(made[0][0]).parameters


def test_members_are_chosen_on_tune_alone():
    store = Store.open("memory://")
    scores = [uniform(seed) for seed in range(3)]
    made = [
        candidate(store, 0, tune=0.92, test=0.5, scores_NC=scores[0]),
        candidate(store, 1, tune=0.91, test=0.99, scores_NC=scores[1]),  # above on test only
        candidate(store, 2, tune=0.93, test=0.2, scores_NC=scores[2]),
    ]
    for one, place in zip(ensemble(store, made, above=0.91), (0, 1), strict=True):
        assert set(one.members) == {made[0][1][place], made[2][1][place]}
        assert one.details == {"members": 2.0, "candidates": 3.0, "above": 0.91}
        assert one.parameters == 20
        found = store.predictions(one.evaluation_id)
        mean_NC = (scores[0].astype(np.float16).astype(float) + scores[2].astype(np.float16)) / 2
        true_N = mean_NC[np.arange(6), np.arange(6) % 3] / mean_NC.sum(axis=1)
        np.testing.assert_allclose(found["true_probability"].to_numpy(), true_N, rtol=1e-6)


def test_twice_writes_nothing_and_the_ids_were_known_before():
    store = Store.open("memory://")
    made = [candidate(store, seed, scores_NC=uniform(seed)) for seed in range(3)]
    pairs, runs = [pair for _, pair in made], [run_id for run_id, _ in made]
    named = ensemble_ids(runs, [tune for tune, _ in pairs], 0.4)
    records = ensemble(store, made)
    assert tuple(one.evaluation_id for one in records) == named
    before = {key: store.get(key) for key in store.list("")}
    for order in permutations(made):
        assert ensemble(store, order) == records
    assert {key: store.get(key) for key in store.list("")} == before
    assert ensemble_ids(runs, [tune for tune, _ in pairs], 0.5) != named
    assert ensemble_ids(runs[:2], [tune for tune, _ in pairs[:2]], 0.4) != named


def test_where_no_candidate_is_above_the_best_is_named():
    store = Store.open("memory://")
    made = [candidate(store, seed, tune=top1, scores_NC=uniform(seed)) for seed, top1 in enumerate((0.7, 0.9, 0.8))]
    with pytest.raises(UserError, match=rf"above 0.91: the best is run {made[1][0][:10]} with 0.9000"):
        ensemble(store, made, above=0.91)


def test_what_cannot_be_averaged_is_refused_in_one_line():
    store = Store.open("memory://")
    made = [candidate(store, 0, scores_NC=uniform(0))]
    other = candidate(store, 1, scores_NC=uniform(1), ids=[f"j{k}" for k in range(6)])
    with pytest.raises(UserError, match=r"images are not the same"):
        ensemble(store, [*made, other])
    lacking = candidate(store, 2)
    with pytest.raises(UserError, match=r"evaluate .* --keep-probabilities"):
        ensemble(store, [lacking])
    assert not [one for one in store.evaluation_records(views=True) if one.members]


SCORES = arrays(np.float16, (5, 3), elements=st.floats(2**-10, 1, width=16))


@given(SCORES)
@settings(max_examples=25)
def test_an_ensemble_of_one_says_what_its_member_says(scores_NC):
    store = Store.open("memory://")
    np.testing.assert_array_equal(mean_probabilities([scores_NC]), scores_NC.astype(np.float32))
    _, test = ensemble(store, [candidate(store, 0, scores_NC=scores_NC)])
    assert test.metrics == metrics(scores_NC.astype(np.float32), np.arange(5, dtype=np.int32) % 3).metrics()


@given(st.lists(SCORES, min_size=2, max_size=4), st.randoms())
@settings(max_examples=25)
def test_the_order_of_candidates_does_not_matter(scores, random):
    order = list(range(len(scores)))
    random.shuffle(order)
    tables = []
    for places in (range(len(scores)), order):
        store = Store.open("memory://")
        _, test = ensemble(store, [candidate(store, seed, scores_NC=scores[seed]) for seed in places])
        tables.append((test.evaluation_id, test.metrics, store.predictions(test.evaluation_id).to_pydict()))
    assert tables[0] == tables[1]
