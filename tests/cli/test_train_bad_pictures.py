"""Bad pictures and records in one folder (issue 3, point 7): a training goes on and lists each; too many stop it."""

from pathlib import Path

import pytest

from fieldmark.cli.main import run
from fieldmark.testing.bad_images import BAD_FILES, BAD_ROWS, DUPLICATE, write_bad_images

TINY = ["--epochs", "1", "--resolution", "16", "--batch", "8", "--bn-batch", "8", "--no-reference", "--threads", "1"]


def test_a_training_lists_every_bad_file_and_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = write_bad_images(tmp_path, good=60)
    assert run(["train", "--data", data, "--cache", "cache", *TINY]) == 0
    shown = capsys.readouterr().out
    for name, (_, reason) in BAD_FILES.items():
        assert any(name in line and reason in line for line in shown.splitlines()), name
    for reason in (*BAD_ROWS.values(), DUPLICATE):
        assert reason in shown


def test_a_training_with_thirty_percent_bad_never_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = write_bad_images(tmp_path, good=13)
    assert run(["train", "--data", data, "--cache", "cache", *TINY]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "cannot be used" in captured.err.splitlines()[-1] and "Traceback" not in captured.err
    assert not list(tmp_path.glob("runs/records/*"))
