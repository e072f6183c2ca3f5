"""`fieldmark export`, and that `predict` takes what it wrote."""

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from fieldmark.cli.main import run
from fieldmark.store import Store
from fieldmark.testing.trained_run import record_trained_run


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    store = str(tmp_path_factory.mktemp("recorded") / "runs")
    return store, record_trained_run(Store.open(store))


def test_it_writes_where_it_says_and_once(
    recorded: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store, run_id = recorded
    monkeypatch.chdir(tmp_path)
    assert run(["export", run_id[:6], "--store", store, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["run_id"], told["folder"]) == (run_id, f"export-{run_id[:10]}")
    assert sorted(path.name for path in Path(told["folder"]).iterdir()) == told["files"]
    assert run(["export", run_id, "--store", store]) == 2
    assert "--force" in capsys.readouterr().err
    assert run(["export", run_id, "--store", store, "--force"]) == 0
    assert run_id in capsys.readouterr().out


def test_the_how_to_pages_commands_and_program_run(
    recorded: tuple[str, str], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (root / "docs" / "how-to" / "take-a-model-away.md").read_text()
    monkeypatch.chdir(tmp_path)
    shutil.copytree(recorded[0], "runs")
    (tmp_path / "photographs").mkdir()
    Image.new("RGB", (40, 50)).save("photographs/a.jpg")
    (tmp_path / "records.csv").write_text("image,lat,lon,date\nphotographs/a.jpg,1,2,2020-05-31\n")
    blocks = re.split(r"^```", page, flags=re.MULTILINE)[1::2]
    commands = [line.split() for block in blocks if block.startswith("\n") for line in block.split("\n") if line]
    assert len(commands) == 6
    for name, *tokens in commands:
        assert name == "fieldmark"
        assert run([recorded[1] if token == "RUN" else token for token in tokens]) == 0, tokens
    assert (tmp_path / "scores.csv").exists() and (tmp_path / "scores.parquet").exists()
    (program,) = (block.removeprefix("python\n") for block in blocks if block.startswith("python\n"))
    exec(program, {})


def test_its_folder_may_lie_deep_and_have_any_name(recorded: tuple[str, str], tmp_path: Path) -> None:
    store, run_id = recorded
    target = tmp_path / "a" / "b c" / "modèle"
    assert run(["export", run_id, "--store", store, "--out", str(target)]) == 0
    (tmp_path / "x.png").write_bytes(b"")
    assert run(["predict", str(target), str(tmp_path)]) == 1


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        (["export", "abc", "--store", "{store}"], "no trained classifier"),
        (["export", "{run}", "--store", "{tmp}/none"], "none"),
        (["export", "{run}", "--store", "{store}", "--out", "{tmp}", "--force"], "no export"),
        (["export", "{run}", "--store", "{store}", "--out", "{tmp}/file/export"], "file"),
    ],
)
def test_a_mistake_is_one_line(
    tokens: list[str], named: str, recorded: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    places = {"store": recorded[0], "run": recorded[1], "tmp": tmp_path}
    assert run([token.format(**places) for token in tokens]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1 and named in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
