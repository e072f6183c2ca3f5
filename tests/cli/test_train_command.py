"""`fieldmark train` on a small world in this process: what it prints and keeps, and that it does nothing twice."""

import contextlib
import io
import json
import re
import signal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fieldmark.cli.main import run
from fieldmark.store import Store

WORLD = "world:species=6,group_size=2,per_category=16,val_per_category=6,test_per_category=8,full=2"
SMALL = ["--resolution", "32", "--epochs", "2", "--batch", "32", "--threads", "1"]

MY_FUSION = """
from fieldmark.models.fusions import FeatureFusion, fusion

@fusion("plus")
class Plus(FeatureFusion):
    def __init__(self, sizes, settings):
        super().__init__(sizes, settings, d=sizes.features)

    def fuse(self, image_BF, location_BD):
        return image_BF + location_BD
"""


def command(folder: Path, *flags: str) -> list[str]:
    return ["train", "--data", WORLD, *SMALL, "--store", str(folder / "runs"), "--cache", str(folder / "c"), *flags]


def printed(tokens: list[str]) -> str:
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        assert run(tokens) == 0
    return stream.getvalue()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
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


def test_the_same_command_again_trains_nothing_and_says_the_same(
    trained: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, result = trained
    monkeypatch.chdir(folder)
    monkeypatch.setattr("fieldmark.training.classifier.fit.fit_classifier", None)
    assert json.loads(printed(command(folder, "--json"))) == result
    text = printed(command(folder))
    assert result["run"]["run_id"] in text and "image only" in text and "bound image+place+date" in text
    assert f"{result['run']['metrics']['test']['top1']:.4f}" in text
    assert text == printed(command(folder))


def test_a_dry_run_knows_that_it_is_done(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, result = trained
    dry = json.loads(printed(command(folder, "--dry-run", "--json")))
    assert dry["run_id"] == result["run"]["run_id"] and [one["done"] for one in dry["runs"]] == [True, True]
    assert "recorded already" in printed(command(folder, "--dry-run"))


def test_a_frozen_fusion_starts_from_the_reference_and_another_from_a_named_run(
    trained: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
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


def test_a_users_own_fusion_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MY_FUSION)
    flags = ["--import", "mine.py", "--fusion", "plus", "--no-reference", "--no-keep-weights"]
    result = json.loads(printed([*command(tmp_path), *flags, "--json"]))
    assert result["run"]["config"]["fusion"] == "plus" and result["image_only"] is None
    store = Store.open(str(tmp_path / "runs"))
    assert store.extension(result["run"]["run_id"]).strip() == MY_FUSION.strip()
    assert store.weights(result["run"]["run_id"]) is None


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
        (["--no-such-flag"], "--no-such-flag"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    flags: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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


def test_a_second_driver_is_refused_and_told_who_the_first_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fieldmark.search.lease_keeper import LeaseKeeper

    monkeypatch.chdir(tmp_path)
    dry = json.loads(printed(command(tmp_path, "--dry-run", "--json")))
    store = Store.open(str(tmp_path / "runs"))
    with LeaseKeeper(store, dry["run_id"], takeover=False, what="run"):
        assert run(command(tmp_path)) == 2
    assert re.search(rf"run {dry['run_id']} is being driven by .*pid \d+", capsys.readouterr().err)


def test_ctrl_c_leaves_a_checkpoint_and_the_same_command_goes_on(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fieldmark.training.classifier.order import Order

    monkeypatch.chdir(tmp_path)
    asked, records = [], Order.records

    def interrupted(self: Order, epoch: int, first_step: int = 0) -> Any:
        for number, one in enumerate(records(self, epoch, first_step)):
            if (epoch, number) == (1, 2) and not asked:
                asked.append(1)
                signal.raise_signal(signal.SIGINT)
            yield one

    monkeypatch.setattr(Order, "records", interrupted)
    flags = ["--json", "--no-reference"]
    with pytest.raises(SystemExit, match="130"):
        run(command(tmp_path, *flags))
    store = Store.open(str(tmp_path / "runs"))
    assert len(store.list("checkpoints")) == 1
    result = json.loads(printed(command(tmp_path, *flags)))
    assert result["run"]["metrics"] == trained[1]["run"]["metrics"], "the undisturbed run's figures to the last digit"
    assert store.list("checkpoints") == []


def test_an_exception_is_recorded_with_its_traceback_and_the_same_command_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rate = ["--lr", "1e30", "--no-reference"]
    assert run(command(tmp_path, *rate)) == 1
    assert "loss is" in capsys.readouterr().err
    store = Store.open(str(tmp_path / "runs"))
    failed = [one["run_id"] for one in store.runs(["run_id", "status"]).to_pylist() if one["status"] == "failed"]
    assert "FloatingPointError" in store.log(failed[0])
