"""`fieldmark predict`: files, tables, exit codes, and mistakes in one line."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torchvision.io import write_png

from fieldmark.cli.main import run
from fieldmark.store import Store
from fieldmark.testing.trained_run import record_trained_run

PICTURES = 23


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a store, a table of pictures of any size, and the run's id."""
    folder = tmp_path_factory.mktemp("asked")
    run_id = record_trained_run(Store.open(str(folder / "runs")))
    rng = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    lines = ["image,lat,lon,date"]
    for place in range(PICTURES):
        size = rng.integers(20, 90, 2)
        noise = torch.from_numpy(rng.integers(0, 255, (3, *size)).astype(np.uint8))
        write_png(noise, str(folder / "pictures" / f"{place:02d}.png"))
        lines.append(f"{place:02d}.png,{rng.uniform(-90, 90)},{rng.uniform(-180, 180)},2020-05-{place + 1:02d}")
    lines.insert(2, "00.png,95,0,2020-01-01")
    lines.insert(3, "gone.png,5,0,2020-01-01")
    (folder / "pictures" / "table.csv").write_text("\n".join(lines) + "\n")
    return folder, run_id


def _predict(asked: tuple[Path, str], *tokens: str, source: str = "pictures/table.csv") -> int:
    folder, run_id = asked
    return run(["predict", run_id[:8], str(folder / source), "--store", str(folder / "runs"), *tokens])


def test_csv_and_parquet_say_the_same_in_the_order_of_the_table(
    asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _predict(asked, "--out", str(tmp_path / "a.csv"), "--top-k", "3") == 0
    assert "23 ok, 1 partial, 1 bad" in capsys.readouterr().out
    assert _predict(asked, "--out", str(tmp_path / "a.parquet"), "--top-k", "3", "--batch", "2") == 0
    with (tmp_path / "a.csv").open() as file:
        written = list(csv.DictReader(file))
    stored = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert [row["image"] for row in written] == [row["image"] for row in stored]
    assert [row["status"] for row in written] == ["ok", "partial", "bad", *["ok"] * (PICTURES - 1)]
    assert list(written[0]) == ["image", "status", "reason", *(f"category_{k}" for k in (1, 2, 3))] + [
        f"probability_{k}" for k in (1, 2, 3)
    ]
    for row, same in zip(written, stored, strict=True):
        assert row["reason"] == (same["reason"] or "") and row["category_1"] == (same["category_1"] or "")
        if row["status"] != "bad":
            assert float(row["probability_1"]) == pytest.approx(same["probability_1"], rel=1e-4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.parquet"], "a draft was left"


def test_a_table_on_the_terminal_shows_the_first_rows(
    asked: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _predict(asked, source="pictures") == 0
    shown = capsys.readouterr().out
    assert "00.png" in shown and "19.png" in shown and "20.png" not in shown
    assert "3 more rows are not shown" in shown


def test_json_is_one_object(asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _predict(asked, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["ok"], found["partial"], found["bad"]) == (PICTURES + 2, PICTURES, 1, 1)
    assert len(found["answers"]) == PICTURES + 2 and found["answers"][2]["reason"] == "no such image file"
    assert found["run_id"] == asked[1]
    assert _predict(asked, "--json", "--out", str(tmp_path / "a.csv")) == 0
    assert "answers" not in json.loads(capsys.readouterr().out)


def test_not_one_picture_named_is_exit_code_1(asked: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    assert run(["predict", asked[1], str(tmp_path), "--store", str(asked[0] / "runs")]) == 1


@pytest.mark.parametrize(
    ("tokens", "named"),
    [
        (["predict", "{run}", "{tmp}/none", "--store", "{store}"], "no such file"),
        (["predict", "{run}", "{pictures}", "--store", "{tmp}/nowhere"], "no such folder"),
        (["predict", "ffff", "{pictures}", "--store", "{store}"], "no trained classifier"),
        (["predict", "{tmp}", "{pictures}"], "no export"),
        (["predict", "{run}", "{pictures}", "--store", "{store}", "--out", "{tmp}/a.txt"], ".parquet"),
        (["predict", "{run}", "{pictures}", "--store", "{store}", "--out", "{tmp}/none/a.csv"], "no folder"),
        (["predict", "{run}", "{pictures}", "--store", "{store}", "--top-k", "0"], "--top-k"),
        (["predict", "{run}", "{pictures}", "--store", "{store}", "--device", "abacus"], "--device abacus"),
        (["predict", "{run}", "{pictures}", "--store", "{store}", "--device", "tpu"], "expected auto, cpu, or cuda ("),
        (["predict", "{run}", "{pictures}", "--store", "{store}", "--device", "meta"], "--device meta"),
        (["predict", "nom", "{pictures}", "--store", "{store}"], "nom: there is no such folder, and no trained"),
        (["predict", "{tmp}/nom", "{pictures}"], "no such folder"),
        (["predict", "nom", "{pictures}", "--store", "{tmp}/nowhere"], "nom: there is no such folder, and no store"),
        (["predict", "{run}", "{pictures}", "--store", "{store}", "--import", "{tmp}/no.py"], "no.py"),
    ],
)
def test_a_mistake_is_one_line(
    tokens: list[str], named: str, asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, run_id = asked
    places = {"run": run_id, "tmp": tmp_path, "store": folder / "runs", "pictures": folder / "pictures"}
    assert run([token.format(**places) for token in tokens]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and len(printed.err.splitlines()) == 1 and named in printed.err
    assert len(printed.err) < 260


def test_an_interrupted_prediction_leaves_no_file(
    asked: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fieldmark.export import predict as module

    real = module.predict_scores
    calls = []

    def interrupted(*arguments: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "predict_scores", interrupted)
    (tmp_path / "a.csv").write_text("of before")
    with pytest.raises(SystemExit) as raised:
        _predict(asked, "--out", str(tmp_path / "a.csv"), "--batch", "1", "--force")
    assert raised.value.code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "of before"


@pytest.mark.parametrize("how", ["itself", "by another path", "by a link"])
def test_what_is_asked_about_is_never_replaced(
    how: str, asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(asked[0] / "pictures", tmp_path / "pictures")
    table = folder / "table.csv"
    (tmp_path / "link.csv").symlink_to(table)
    out = {"itself": table, "by another path": folder / ".." / "pictures" / "table.csv", "by a link": "link.csv"}[how]
    before = table.read_bytes()
    for force in ([], ["--force"]):
        assert _predict(asked, "--out", str(tmp_path / out), *force, source=str(table)) == 2
        assert "is what is asked about" in capsys.readouterr().err
        assert table.read_bytes() == before


def test_an_answer_of_before_is_replaced_only_by_force(
    asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.csv"
    out.write_text("of before")
    assert _predict(asked, "--out", str(out)) == 2
    assert "--force" in capsys.readouterr().err and out.read_text() == "of before"
    assert _predict(asked, "--out", str(out), "--force") == 0
    assert len(out.read_text().splitlines()) == PICTURES + 3


def test_one_picture_is_enough(asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(asked[0] / "pictures" / "00.png", tmp_path / "a b.png")
    assert _predict(asked, "--json", source=str(tmp_path / "a b.png")) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["ok"], found["answers"][0]["image"]) == (1, 1, "a b.png")


def test_names_that_are_not_utf_8_are_named_escaped(
    asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One such file in a folder, and then every file and folder that the command line names."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe9"))
    shutil.copytree(asked[0] / "pictures", folder)
    shutil.copy(folder / "00.png", Path(os.fsdecode(os.fsencode(folder) + b"/lat\xe9n.png")))
    assert _predict(asked, "--out", str(tmp_path / "a.csv"), source=str(folder)) == 0
    with (tmp_path / "a.csv").open() as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    assert len(rows) == PICTURES + 1
    assert rows[r"lat\xe9n.png"]["status"] == "ok"
    assert rows[r"lat\xe9n.png"]["category_1"] == rows["00.png"]["category_1"]
    table = (folder / "table.csv").rename(os.fsdecode(os.fsencode(folder) + b"/t\xe9.csv"))
    for ending in (b"csv", b"parquet"):
        out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9." + ending))
        assert _predict(asked, "--out", str(out), source=str(table)) == 0
        assert out.exists() and r"\xe9." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("header", "lost", "how"),
    [
        ("image,Lattitude,Longtitude,day", "latitude (lat, ", "named by the picture alone"),
        ("image,Lattitude,Longtitude,date", "longitude (lon, ", "named without place"),
        ("image,lat,lon,when", "date (date, ", "named without date"),
        ("image,lat,Longtitude,date", "no column for longitude", "named without place"),
    ],
)
def test_columns_that_the_model_looks_at_and_the_table_lacks_are_told_once(
    header: str, lost: str, how: str, asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = f"{asked[0]}/pictures/00.png,1,2,2020-05-01"
    (tmp_path / "t.csv").write_text("\n".join([header, row, row]) + "\n")
    assert _predict(asked, "--json", source=str(tmp_path / "t.csv")) == 0
    printed = capsys.readouterr()
    (note,) = printed.err.splitlines()
    assert lost in note and note.endswith(how) and f"found {header.replace(',', ', ')}" in note
    assert json.loads(printed.out)["notes"] == [note]


def test_nothing_is_told_of_columns_that_are_not_asked_for(
    asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _predict(asked, "--json") == 0
    printed = capsys.readouterr()
    assert printed.err == "" and json.loads(printed.out)["notes"] == []
    alone = Store.open(str(tmp_path / "alone"))
    run_id = record_trained_run(alone, fusion="image_only")
    (tmp_path / "t.csv").write_text(f"image\n{asked[0]}/pictures/00.png\n")
    assert run(["predict", run_id, str(tmp_path / "t.csv"), "--store", alone.url]) == 0
    assert capsys.readouterr().err == ""


def test_changed_code_of_an_export_is_not_run(
    asked: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = tmp_path / "export"
    assert run(["export", asked[1], "--store", str(asked[0] / "runs"), "--out", str(export)]) == 0
    (export / "extension.py").write_text("print('it ran')\n")
    capsys.readouterr()
    code = str(export / "extension.py")
    assert run(["predict", str(export), str(asked[0] / "pictures"), "--import", code]) == 2
    printed = capsys.readouterr()
    assert "it ran" not in printed.out and "extension.py: changed" in printed.err
