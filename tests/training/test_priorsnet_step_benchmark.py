"""The step benchmark runs and says what it promises; its figures are not judged here."""

import json
import runpy
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "priorsnet_step.py"


def test_the_benchmark_reports_every_way_and_the_machine(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(BENCHMARK), "--quick", "--json"])
    runpy.run_path(str(BENCHMARK), run_name="__main__")
    speed = json.loads(capsys.readouterr().out)["speed"]
    assert set(speed["examples_per_second"]) == {"fused", "plain", "plain_loss", "loop", "sampled", "matmul"}
    assert {"fused/plain", "fused/loop", "fused/matmul", "sampled/fused"} <= set(speed["ratios"])
    assert all(value > 0 for value in (*speed["ratios"].values(), *speed["examples_per_second"].values()))
    assert "torch" in speed["machine"]
