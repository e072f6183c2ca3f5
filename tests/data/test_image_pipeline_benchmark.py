"""The image benchmark runs and says what it promises; its figures are not judged here."""

import json
import runpy
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "image_pipeline.py"


def test_the_benchmark_reports_every_way_and_the_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(BENCHMARK), "--quick", "--json"])
    runpy.run_path(str(BENCHMARK), run_name="__main__")
    found = json.loads(capsys.readouterr().out)
    rates = found["images_per_second_per_core"]
    assert set(rates) == {"plain", "files", "unpacked", "packed", "normalise"}
    assert {"files/plain", "packed/plain", "files+normalise/plain", "unpacked/plain"} <= set(found["ratios"])
    assert all(value > 0 for value in (*rates.values(), *found["ratios"].values()))
    assert "torch" in found["machine"] and "kB" in found["pictures"]
