"""`fieldmark reproduce` from the command line, on tiny worlds in this process."""

import json
from pathlib import Path

import pytest

from fieldmark.cli.main import run
from fieldmark.papers.worlds import WORLDS

TINY = "world:species=6,group_size=3,per_category=24,val_per_category=6,test_per_category=10,full=1,mark_resolution=24"
DATA = [word for name in WORLDS for word in ("--data", f"{name}={TINY}")]
SOME = ["reproduce", "S6", "--rows", "1-2:iNat2018", "--seeds", "1", "--executor", "local", *DATA]


def test_two_values_are_measured_once_shown_and_written_as_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([*SOME, "--cache", "cache", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["measured"], first["cells"], first["new_runs"], first["failures"]) == (2, 2, 2, [])
    assert "S6" in Path(first["page"]).read_text()
    assert run([*SOME, "--cache", "cache"]) == 0
    shown = capsys.readouterr().out
    assert "2 of 2 values have all their seeds; 0 runs done now, 2 before" in shown
    assert "frozen" in shown, "a fusion on frozen features is marked"
    assert run(["table", "S6", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    measured = {row["row"] for row in rows if row["keys"].get("dataset") == "iNat2018" and row["n"]}
    assert measured == {1, 2}


def test_letters_may_be_small(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce", "s6", "figs4", "--scale", "paper", "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["tables"], found["figures"]) == (["S6"], ["figS4"])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "reproduce what"),
        (["S9"], "S9: expected S1"),
        (["S6", "--rows", ""], "--rows: name the tables"),
        (["S6", "--rows", "7"], "--rows 7"),
        (["S6", "--data", "iNat2018"], "expected KEY=VALUE"),
        (["S6", "--scale", "paper"], "--scale paper needs the published data"),
        (["S6", "--seeds", "none"], "--seeds"),
    ],
)
def test_a_mistake_is_one_line(
    flags: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["reproduce", *flags]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())
