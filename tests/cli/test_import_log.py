"""`fieldmark import-log`: what a person reads, what a script reads, what is kept and never mixed."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fieldmark.cli.main import run
from fieldmark.store import Store
from fieldmark.testing.synthetic_sweep import synthetic_sweep

LOGGER = "19@worklog_logger.py:neupeak.train.logger.worklog_logger"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines = []
    for epoch in range(12):
        day, hour = (5, epoch) if epoch < 6 else (6, epoch)  # a day's gap before epoch 6
        body = f"e:{epoch}/11,9/10\t1.40 mb/s\tpassed:300.00\teta:0.00\tlr:{0.5 / (epoch + 1):.4f}"
        lines.append(f"[{day:02} {hour:02}:05:00 {LOGGER}] {body}\tacc1:9.0000\tacc5:9.0000\tloss:4.0000")
        scores = f"acc1:{5 * epoch:.4f}\tacc5:{6 * epoch:.4f}\tloss:3.0000"
        lines.append(f"[{day:02} {hour:02}:08:00 {LOGGER}] val e:{epoch}\t{scores}")
        lines.append(f"[{day:02} {hour:02}:59:50 {LOGGER}] {body}\tacc1:9.0000\tacc5:9.0000\tloss:4.0000")
    path = tmp_path / "some.log"
    path.write_text("\n".join(lines[:-1]))
    return path


def test_a_person_reads_best_epoch_gap_and_curve(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import-log", str(log)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("55.000 % at epoch 11 (the last)" in line for line in lines)
    assert any("24.1 h" in line and "before epoch 6" in line for line in lines)
    shown = [line.split()[0] for line in lines if line.strip() and line.split()[0].isdigit()]
    assert shown == ["0", "9", "11"]


def test_a_script_reads_fractions(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import-log", str(log), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best"] == {"epoch": 11, "top1": 0.55, "top5": 0.66, "validation_loss": 3.0}
    assert len(found["curve"]) == 12 and found["run_id"] is None
    assert found["running_seconds"] == found["clock_seconds"] - sum(gap["seconds"] for gap in found["gaps"])


def test_tables_and_a_figure(log: Path, tmp_path: Path) -> None:
    assert run(["import-log", str(log), "--out", str(tmp_path / "c.csv"), "--figure", str(tmp_path / "c.png")]) == 0
    assert run(["import-log", str(log), "--out", str(tmp_path / "c.parquet")]) == 0
    with (tmp_path / "c.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert rows == pq.read_table(tmp_path / "c.parquet").to_pylist()
    scores = {"top1": 0.15, "top5": 0.18, "validation_loss": 3}
    assert rows[3] == {"epoch": 3, "lr": 0.125, **scores, "train_loss": 4, "train_seconds": 300}
    assert (tmp_path / "c.png").stat().st_size > 10_000


@pytest.mark.parametrize("flags", [["--out", "c.txt"], ["--figure", "c.csv"], ["--figure", "no/such/folder/c.png"]])
def test_a_target_that_cannot_be_written(flags: list[str], log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import-log", str(log), *flags]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and flags[0] in captured.err and len(captured.err.splitlines()) == 1


def test_a_bad_file_is_one_line_and_makes_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.log").write_text("hello\n")
    assert run(["import-log", str(tmp_path / "bad.log"), "--store", str(tmp_path / "runs")]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "bad.log, line 1" in captured.err and len(captured.err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_kept_log_is_a_run_of_its_own(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = ["--store", str(tmp_path / "runs")]
    assert run(["import-log", str(log), *store]) == 0
    assert run(["import-log", str(log), *store]) == 0
    assert "already" in capsys.readouterr().out
    (record,) = Store.open(store[1]).run_records()
    assert record.trial.role == "imported" and record.spec.fingerprint.startswith("imported:")
    assert record.spec.config.method == "classifier" and record.spec.config.fusion == "image_only"
    assert (record.metrics["top1"], record.epochs, record.status) == (0.55, 12, "completed")
    assert not len(Store.open(store[1]).evaluations())
    curve = Store.open(store[1]).curve(record.run_id)
    assert curve is not None and curve["epoch"].to_pylist() == list(range(1, 13))

    assert run(["runs", "show", record.run_id[:8], *store]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "imported from some.log" in shown and "top1=0.55" in shown
    assert run(["logs", record.run_id[:8], *store]) == 0
    assert "55.000 %" in capsys.readouterr().out


def test_no_table_shows_a_kept_log(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(tmp_path / "runs")
    synthetic_sweep(store, dataset="iNat2021-mini", trials=1, test_records=30)
    pages = []
    for _ in range(2):
        for kind in ("json", "csv"):
            assert run(["table", "S2", "--format", kind, "--store", store]) == 0
        pages.append(capsys.readouterr().out)
        assert run(["import-log", str(log), "--store", store]) == 0
        capsys.readouterr()
    assert pages[0] == pages[1]
