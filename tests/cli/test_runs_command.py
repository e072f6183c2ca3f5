"""`fieldmark runs`: what a retracted run looks like, and how a sweep is named, what fits a terminal."""

import sys
from pathlib import Path

import pytest

from fieldmark.cli.main import run
from fieldmark.config import BayesConfig, ClassifierConfig, RunSpec, Scale
from fieldmark.store import RunRecord, Store
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


def _record(config: ClassifierConfig | BayesConfig, dataset: str = "cars and birds of the world") -> RunRecord:
    spec = RunSpec(config=config, dataset=dataset, fingerprint="f0", protocol="official:0", seed=0)
    trial = Trial(sweep="aaaa1111", role="confirmation")
    return RunRecord(run_id=spec.run_id, spec=spec, scale=Scale(name="paper"), status="completed", trial=trial)


@pytest.fixture
def mixed(store: Store) -> Store:
    store.commit_run(_record(ClassifierConfig.model_validate({"fusion": "geonet_modulate_film"})))
    store.commit_run(_record(ClassifierConfig.model_validate({"fusion": "image_only"})))
    for resolution in (48, 96):
        store.commit_run(_record(BayesConfig(information="image+place", resolution=resolution)))
    return store


def test_a_pipe_gets_every_column_and_runs_can_be_told_apart(mixed: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "--store", mixed.url]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "run_id" and head.split()[-2:] == ["seconds", "sweep"]
    methods = {line.split()[1] for line in lines[:-1]}
    assert {"classifier:geonet_modulate_film", "classifier:image_only"} < methods
    assert {"bayes:image+place@48px", "bayes:image+place@96px", "class_frequency"} < methods
    assert all("cars and birds of the world" in line for line in lines if "bayes" in line)


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_terminal_gets_what_fits(
    mixed: Store, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    assert run(["runs", "--store", mixed.url]) == 0
    text = capsys.readouterr().out
    head = text.splitlines()[0].split()
    assert max(map(len, text.splitlines())) <= width
    assert "sweep" not in head and {"run_id", "method", "dataset", "seed", "status", "top1"} <= set(head)
    assert "Not shown, as the window is narrow: sweep, seconds" in " ".join(text.split())
    assert "classifier:geonet_modulate_film" in text or width == 60, "the data set's name is cut first"
