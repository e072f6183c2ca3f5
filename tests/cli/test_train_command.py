"""`fieldmark train` on a small world in this process: what it prints and keeps, and that it does nothing twice."""

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
def trained(
    tmp_path_factory: pytest.TempPathFactory, command: Command, printed: Printed
) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = json.loads(printed(command(folder, "--json")))
    return folder, result


def test_one_object_with_run_reference_and_bounds(trained: tuple[Path, dict[str, Any]], root: Path) -> None:
    _, result = trained
    schema = json.loads((root / "docs/reference/train.schema.json").read_text())
    jsonschema.validate(result, schema)
    assert result["run"]["config"]["fusion"] == "dynamic_mlp_c"
    assert result["image_only"]["config"]["fusion"] == "image_only"
    assert set(result["bounds"]) == {"image", "image+place+date"}
    assert 0 < result["bounds"]["image"]["top1"] < result["bounds"]["image+place+date"]["top1"] <= 1
    assert result["run"]["parameters"] > result["image_only"]["parameters"] > 0
    assert result["run"]["multiply_adds"] > result["image_only"]["multiply_adds"] > 0
    gain = result["turned_right"] - result["turned_wrong"]
    top1 = [result[name]["metrics"]["test"]["top1"] for name in ("run", "image_only")]
    assert gain == pytest.approx((top1[0] - top1[1]) * result["compared"]) and result["compared"] == 48
    assert result["without_image_only"] is None
    assert set(result["run"]["metrics"]) == {"tune", "test"} and result["run"]["images_per_second"] > 0


def test_the_schema_is_what_the_result_is(root: Path) -> None:
    from fieldmark.search.training.result import schema_text

    assert (root / "docs/reference/train.schema.json").read_text() == schema_text()


def test_the_store_has_runs_curves_weights_and_categories(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, result = trained
    store = Store.open(str(folder / "runs"), create=False)
    for one in (result["run"], result["image_only"]):
        record = store.run(one["run_id"])
        assert (record.status, record.epochs, record.parameters) == ("completed", 2, one["parameters"])
        assert {"loss", "lr", "top1", "images_per_second"} <= set(store.curve(one["run_id"]).column_names)
        assert store.weights(one["run_id"]) is not None
    assert len(store.categories(record.spec.fingerprint)) == 6
    assert store.list("checkpoints") == [] and store.sweeps() == []


def test_figures_are_drawn(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, result = trained
    assert set(result["figures"]) == {"curve", "categories"}
    for path in result["figures"].values():
        assert (folder / path).stat().st_size > 0 and path.startswith(f"reports/{result['run']['run_id'][:10]}/")
    header = Path(folder / result["figures"]["categories"]).with_suffix(".csv").read_text().splitlines()[0].split(",")
    assert "image_only" in header[2] and "dynamic_mlp_c" in header[3], "in the order of the baseline"


def test_the_same_command_again_trains_nothing_and_says_the_same(
    trained: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, command: Command, printed: Printed
) -> None:
    folder, result = trained
    monkeypatch.chdir(folder)
    monkeypatch.setattr("fieldmark.training.classifier.fit.fit_classifier", None)
    assert json.loads(printed(command(folder, "--json"))) == result
    text = printed(command(folder))
    assert result["run"]["run_id"] in text and "image only" in text and "bound image+place+date" in text
    assert f"{result['run']['metrics']['test']['top1']:.4f}" in text
    assert "that image only names wrongly are now right" in text and "of 48 test pictures" in text
    assert text == printed(command(folder))


def test_a_dry_run_knows_that_it_is_done(
    trained: tuple[Path, dict[str, Any]], command: Command, printed: Printed
) -> None:
    folder, result = trained
    dry = json.loads(printed(command(folder, "--dry-run", "--json")))
    assert dry["run_id"] == result["run"]["run_id"] and [one["done"] for one in dry["runs"]] == [True, True]
    assert "recorded already" in printed(command(folder, "--dry-run"))


def test_a_frozen_fusion_starts_from_the_reference_or_from_a_named_run(
    trained: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, command: Command, printed: Printed
) -> None:
    folder, result = trained
    monkeypatch.chdir(folder)
    alone = result["image_only"]["run_id"]
    found = json.loads(printed(command(folder, "--fusion", "geonet_post_add", "--json")))
    store = Store.open(str(folder / "runs"))
    assert store.run(found["run"]["run_id"]).spec.stages == {"image_model": alone}
    assert found["image_only"] == result["image_only"], "it was there already"
    named = command(folder, "--fusion", "geonet_post_add", "--start-from", alone[:10], "--json")
    assert json.loads(printed(named))["run"]["run_id"] == found["run"]["run_id"]


def test_what_cannot_matter_to_a_fusion_without_training_does_not(
    trained: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, command: Command, printed: Printed
) -> None:
    folder, result = trained
    monkeypatch.chdir(folder)
    alone = result["image_only"]["run_id"]
    flags = ["--fusion", "geonet_whitelist", "--start-from", alone, "--json"]
    found = json.loads(printed(command(folder, *flags)))
    assert found["image_only"] == result["image_only"] and set(found["bounds"]) == {"image", "image+place"}
    other = ["--seed", "3", "--change", "mixup=0", "--change", "location_width=16", "--change", "encoding=sphere"]
    assert json.loads(printed(command(folder, *flags, *other)))["run"] == found["run"]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--fusion", "dynamic_mlp_d"], "dynamic_mlp_d"),
        (["--backbone", "resnet_50000"], "resnet_50000"),
        (["--set", "d"], "--set d"),
        (["--workers", "0"], "--workers 0"),
        (["--workers", "3"], "1, 2"),
        (["--recipe", "best"], "--recipe"),
        (["--import", "none.py"], "--import none.py"),
        (["--start-from", "abc"], "--start-from abc"),
        (["--recipe", "smoke", "--scale", "paper"], "--recipe smoke"),
        (["--no-such-flag"], "--no-such-flag"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    flags: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: Command,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*command(tmp_path), *flags]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1 and named in captured.err
    assert not (tmp_path / "runs").exists()


def test_data_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--data", "occurrences:none.csv", "--store", str(tmp_path / "runs")]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1 and "none.csv" in error


def test_an_exception_is_recorded_with_its_traceback_and_the_same_command_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    rate = ["--lr", "1e30", "--no-reference"]
    assert run(command(tmp_path, *rate)) == 1
    assert "loss is" in capsys.readouterr().err
    store = Store.open(str(tmp_path / "runs"))
    failed = [one["run_id"] for one in store.runs(["run_id", "status"]).to_pylist() if one["status"] == "failed"]
    assert "FloatingPointError" in store.log(failed[0])
