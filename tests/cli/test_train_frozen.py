"""`fieldmark train --frozen`: printed as what it is, asked again without work, and a model like any other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fieldmark.cli.main import run
from fieldmark.store import Store

Command = Callable[..., list[str]]
Printed = Callable[[list[str]], str]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory, command: Command, printed: Printed) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("frozen")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = json.loads(printed(command(folder, "--frozen", "--json")))
    return folder, result


def test_the_result_tells_the_cache_apart_and_how_right_the_image_alone_is(
    frozen: tuple[Path, dict[str, Any]], root: Path
) -> None:
    folder, result = frozen
    jsonschema.validate(result, json.loads((root / "docs/reference/train.schema.json").read_text()))
    told = result["frozen"]
    assert result["run"]["config"]["method"] == "frozen" and result["run"]["config"]["views"] == told["views"] == 4
    assert told["image_run"] == result["image_only"]["run_id"] and told["cache_seconds"] > 0
    assert told["test_top1"] == result["image_only"]["metrics"]["test"]["top1"]
    assert 0 < told["train_top1"] < 1
    gain = result["turned_right"] - result["turned_wrong"]
    assert gain == pytest.approx((result["run"]["metrics"]["test"]["top1"] - told["test_top1"]) * 48)
    assert set(result["figures"]) == {"curve", "categories"}
    header = (folder / result["figures"]["categories"]).with_suffix(".csv").read_text().splitlines()[0]
    assert "dynamic_mlp_c (frozen backbone)" in header


def test_the_same_command_again_trains_nothing_and_marks_it_plainly(
    frozen: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, command: Command, printed: Printed
) -> None:
    folder, result = frozen
    monkeypatch.chdir(folder)
    monkeypatch.setattr("fieldmark.training.frozen.fit.fit_frozen", None)
    monkeypatch.setattr("fieldmark.training.classifier.fit.fit_classifier", None)
    assert json.loads(printed(command(folder, "--frozen", "--json"))) == result
    text = printed(command(folder, "--frozen"))
    assert "frozen backbone" in text and f"{result['frozen']['train_top1']:.1%} rightly" in text
    assert "features    made in" in text and "not in the seconds above" in text
    dry = json.loads(printed(command(folder, "--frozen", "--dry-run", "--json")))
    assert dry["run_id"] == result["run"]["run_id"] and dry["features"]["done"]
    listed = printed(["runs", "--store", str(folder / "runs")])
    assert "frozen:dynamic_mlp_c" in listed and "classifier:image_only" in listed


def test_another_fusion_shares_image_model_and_features(
    frozen: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, command: Command, printed: Printed
) -> None:
    folder, result = frozen
    monkeypatch.chdir(folder)
    monkeypatch.setattr("fieldmark.training.frozen.features.compute_features", None)
    film = ["--fusion", "geonet_modulate_film", "--set", "where=pooled"]
    found = json.loads(printed(command(folder, "--frozen", *film, "--json")))
    assert found["image_only"] == result["image_only"] and found["frozen"] == result["frozen"]


def test_the_stored_model_says_of_the_pictures_what_the_features_said(
    frozen: tuple[Path, dict[str, Any]], printed: Printed
) -> None:
    folder, result = frozen
    tokens = ["evaluate", result["run"]["run_id"], "--store", str(folder / "runs"), "--json"]
    found = json.loads(printed(tokens))
    assert [one["score"] for one in found] == ["joint"] and found[0]["equal"]
    assert found[0]["now"]["top1"] == result["run"]["metrics"]["test"]["top1"]


def test_a_fusion_on_the_map_is_one_line_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: Command
) -> None:
    assert run([*command(tmp_path), "--frozen", "--fusion", "geonet_modulate_add"]) == 2
    assert "where=pooled" in capsys.readouterr().err and not (tmp_path / "runs").exists()


def test_one_frozen_run_stays_a_conflict_free_record(frozen: tuple[Path, dict[str, Any]]) -> None:
    store = Store.open(str(frozen[0] / "runs"))
    assert store.problems() == [] and store.conflicts() == [] and store.list("checkpoints") == []
