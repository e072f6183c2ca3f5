"""`fieldmark store`: what people see when they merge, check and mirror."""

import json
from pathlib import Path

import pytest

from fieldmark.cli.main import run
from fieldmark.errors import UserError
from fieldmark.store import Store
from fieldmark.store.mirrors.journal import rebuild_journal
from fieldmark.testing.store import sample_run


def test_merge_says_what_is_new_and_check_finds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = str(tmp_path / "a"), str(tmp_path / "b")
    Store.open(source).commit_run(sample_run(seed=0))
    assert run(["store", "merge", source, target]) == 0
    assert "1 runs" in capsys.readouterr().out
    assert run(["store", "check", "--store", target, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"problems": [], "conflicts": []}


def test_records_that_disagree_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = sample_run(seed=0)
    store = Store.open(str(tmp_path))
    store.commit_run(record)
    store.commit_run(record.model_copy(update={"metrics": {name: value / 2 for name, value in record.metrics.items()}}))
    assert run(["store", "check", "--store", str(tmp_path), "--json"]) == 1
    (conflict,) = json.loads(capsys.readouterr().out)["conflicts"]
    assert conflict["id"] == record.run_id


def test_a_mistyped_journal_costs_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, records, journal = str(tmp_path / "runs"), tmp_path / "records.csv", tmp_path / "optuna.journal"
    Store.open(store).commit_run(sample_run(seed=0))
    records.write_text("species,lat,lon\n")
    assert rebuild_journal(Store.open(store), journal) == 0
    with pytest.raises(UserError, match="left alone"):
        rebuild_journal(Store.open(store), records)
    assert records.read_text() == "species,lat,lon\n"
    assert rebuild_journal(Store.open(store), journal) == 0
