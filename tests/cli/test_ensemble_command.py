"""`fieldmark ensemble` makes what is missing, averages it, and writes nothing the second time."""

import json

import pytest

from fieldmark.cli.ensemble import ensemble
from fieldmark.errors import UserError
from fieldmark.store import Store
from fieldmark.testing.trained_run import record_trained_run


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store.open(str(tmp_path_factory.mktemp("ensemble") / "runs"))
    for seed in (0, 1):
        record_trained_run(store, seed=seed, sharpness=100.0)
    return store


def test_missing_probabilities_are_made_and_the_rest_is_read(store, capsys):
    first, second = store.runs(["run_id"])["run_id"].to_pylist()
    asked = (first[:10], f"{second[:10]}:ten:24+32")
    assert ensemble(*asked, above=0.0, store=store.url, json=True) == 0
    tune, test = json.loads(capsys.readouterr().out)
    assert (tune["split"], test["split"]) == ("tune", "test") and test["details"]["members"] == 2
    assert sorted(test["run_ids"]) == sorted([first, second])
    before = {key: store.get(key) for key in store.list("")}
    assert ensemble(*reversed(asked), above=0.0, store=store.url) == 0
    shown = capsys.readouterr()
    assert "mean of 2 of 2" in shown.out and shown.err == "" and "ten:24+32" in shown.out
    assert {key: store.get(key) for key in store.list("")} == before


@pytest.mark.parametrize(
    ("runs", "above", "told"),
    [
        ((), 0.5, "expected RUN"),
        (("nothing",), 0.5, "no trained classifier"),
        ((":eleven",), 0.5, "trained classifiers in store"),
        (("{0}:eleven",), 0.5, "--view 'eleven': expected"),
        (("{0}",), 91.0, "--above 91: expected a share"),
        (("{0}", "{1}"), 0.999, "above 0.999: the best is run"),
    ],
)
def test_a_mistake_is_one_line(store, runs, above, told):
    ids = store.runs(["run_id"])["run_id"].to_pylist()
    with pytest.raises(UserError, match=told) as raised:
        ensemble(*(run.format(*ids) for run in runs), above=above, store=store.url)
    assert len(str(raised.value).splitlines()) == 1


def test_over_the_budget_it_says_how_much_is_needed(store):
    run_id = store.runs(["run_id"])["run_id"].to_pylist()[0]
    with pytest.raises(UserError, match=r"--probabilities-budget 100: 504 bytes"):
        ensemble(f"{run_id}:twelve:24", above=0.0, store=store.url, probabilities_budget=100)
