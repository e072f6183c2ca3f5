"""`fieldmark localise` prints the pointing game."""

import json

import pytest

from fieldmark.cli.main import run
from fieldmark.store import Store
from fieldmark.testing.trained_run import record_trained_run

MARKED = "world:species=6,group_size=3,per_category=4,val_per_category=2,test_per_category=5,full=2,mark_resolution=24"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = Store.open(str(tmp_path_factory.mktemp("localise") / "runs"))
    return store, record_trained_run(store, MARKED)


def test_both_methods_are_printed_with_chance(made, capsys):
    store, run_id = made
    before = sorted(store.list(""))
    assert run(["localise", run_id[:8], "--store", store.url, "--json"]) == 0
    cam, grad_cam = json.loads(capsys.readouterr().out)
    assert (cam["method"], grad_cam["method"], cam["n"]) == ("CAM", "Grad-CAM", 10)
    assert cam["share"] == cam["hits"] / 10
    assert run(["localise", run_id[:8], "--store", store.url, "--tolerance", "1"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2 and all("of 10 at the mark" in line and "within 1 pixels" in line for line in printed)
    assert sorted(store.list("")) == before


def test_a_run_that_is_not_there(made, capsys):
    store, _ = made
    assert run(["localise", "nothing", "--store", store.url]) == 2
    assert "no trained classifier" in capsys.readouterr().err
