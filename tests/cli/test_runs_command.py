"""`fieldmark runs`: what a retracted run looks like, and how a sweep is named."""

from pathlib import Path

import pytest

from fieldmark.cli.main import run
from fieldmark.store import Store
from fieldmark.store.records import Trial
from fieldmark.testing.store import sample_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.open(str(tmp_path / "runs"))
    for seed, sweep in enumerate(["aaaa1111", "bbbb2222"]):
        store.commit_run(sample_run(seed).model_copy(update={"trial": Trial(sweep=sweep)}))
    return store


def test_a_retracted_run_says_so_and_why(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = sample_run(0).run_id
    assert run(["runs", "retract", run_id, "--reason", " ", "--store", store.url]) == 2
    assert run(["runs", "retract", run_id, "--reason", "wrong split", "--store", store.url]) == 0
    capsys.readouterr()
    assert run(["runs", "show", run_id, "--store", store.url]) == 0
    assert "RETRACTED" in (shown := capsys.readouterr().out) and "wrong split" in shown


def test_a_sweep_is_named_by_its_beginning(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "--sweep", "bb", "--store", store.url]) == 0
    listed = capsys.readouterr().out
    assert sample_run(1).run_id[:10] in listed and sample_run(0).run_id[:10] not in listed
