"""What scripts read, on a small real sweep in this process: the documented keys, valid by the published schemas."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fieldmark.cli.main import run

WORLD = "world:species=6,group_size=2,per_category=12,val_per_category=6,test_per_category=8,full=2"


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("swept")
    flags = ["--data", WORLD, "--store", str(folder / "runs"), "--executor", "local", "--trials", "1", "--seeds", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        output = _printed(["sweep", "priorsnet", *flags, "--json"])
    return folder, output


def _printed(tokens: list[str]) -> Any:
    import contextlib
    import io

    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        assert run(tokens) == 0
    return json.loads(stream.getvalue())


def _schema(root: Path, name: str) -> Any:
    return json.loads((root / "docs" / "reference" / f"{name}.schema.json").read_text())


def test_a_sweep_prints_one_object(swept: tuple[Path, dict[str, Any]], root: Path) -> None:
    folder, result = swept
    jsonschema.validate(result, _schema(root, "sweep"))
    assert {
        "sweep",
        "dataset",
        "new_runs",
        "done_runs",
        "failed_runs",
        "best",
        "baselines",
        "bounds",
        "seconds",
    } <= set(result)
    assert {"run_id", "config", "metrics"} <= set(result["best"])
    assert {"class_frequency", "nearest_neighbours"} <= set(result["baselines"])
    assert set(result["best"]["metrics"]) == {"top1", "top3", "top5", "top10", "mrr", "log_loss"}
    assert 0 < result["bounds"]["image"] < result["bounds"]["image+place+date"] <= 1
    assert (folder / result["page"]).exists()


def test_table_s2_as_json(swept: tuple[Path, dict[str, Any]], root: Path) -> None:
    table = _printed(["table", "S2", "--format", "json", "--store", str(swept[0] / "runs")])
    jsonschema.validate(table, _schema(root, "table"))
    assert table["table"] == "S2" and len(table["rows"]) == 11
    first = table["rows"][0]
    assert {"keys", "published", "mean", "std", "n", "footnotes", "verdict"} <= set(first)
    assert (first["published"], first["published_unit"], first["n"]) == (80.246, "%", 1)
    assert 0 <= first["mean"] <= 1


def test_runs_as_json_and_one_by_its_id(swept: tuple[Path, dict[str, Any]], root: Path) -> None:
    store = ["--store", str(swept[0] / "runs")]
    runs = _printed(["runs", "--json", *store])
    jsonschema.validate(runs, _schema(root, "runs"))
    best = swept[1]["best"]["run_id"]
    assert best in {one["run_id"] for one in runs}
    shown = _printed(["runs", "show", best[:12], "--json", *store])
    assert shown["run_id"] == best and {one["split"] for one in shown["evaluations"]} == {"tune", "test"}


def test_a_run_repeated_gives_the_same_numbers(swept: tuple[Path, dict[str, Any]]) -> None:
    store = ["--store", str(swept[0] / "runs")]
    repeated = _printed(["runs", "rerun", swept[1]["best"]["run_id"], "--json", *store])
    assert repeated["figures"]
    assert all(figure["recorded"] == figure["now"] for figure in repeated["figures"])


def test_a_retracted_run_is_in_no_table(swept: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    _printed(["store", "merge", str(swept[0] / "runs"), str(copy), "--json"])
    store = ["--store", str(copy)]
    before = _printed(["table", "S2", "--format", "json", *store])["rows"]
    published = [one["run_id"] for one in _printed(["runs", "--json", *store]) if one["trial"]["role"] == "published"]
    for run_id in published:
        assert run(["runs", "retract", run_id, "--reason", "a test", *store]) == 0
    after = _printed(["table", "S2", "--format", "json", *store])["rows"]
    assert before[0]["n"] == 1 and after[0]["n"] == 0
    assert not {one["run_id"] for one in _printed(["runs", "--json", *store])} & set(published)


def test_a_retracted_run_can_still_be_repeated_and_compared(swept: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    copy = ["--store", str(tmp_path / "copy")]
    _printed(["store", "merge", str(swept[0] / "runs"), copy[1], "--json"])
    best = swept[1]["best"]["run_id"]
    assert run(["runs", "retract", best, "--reason", "a test", *copy]) == 0
    assert _printed(["runs", "rerun", best, "--json", *copy])["figures"]


def test_a_page_that_cannot_be_written_loses_no_result(
    swept: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").write_text("a file")
    flags = ["--data", WORLD, "--store", str(swept[0] / "runs"), "--executor", "local", "--trials", "1", "--seeds", "1"]
    again = _printed(["sweep", "priorsnet", *flags, "--json"])
    assert again["page"] is None and again["best"] == swept[1]["best"]
