"""A frozen trial costs a small part of full training's: its parts run quickly here, ResNet-50 is measured slowly."""

import argparse
import runpy
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "frozen_step.py"
FEWER = 50


@pytest.fixture(scope="module")
def benchmark():
    return argparse.Namespace(**runpy.run_path(str(BENCHMARK)))


def test_every_part_runs(benchmark):
    small = {"backbone": "test_resnet", "resolution": 32, "fusion": "concat_net", "steps": 1, "seen": 4}
    found = benchmark.measure(benchmark.Sizes(**small, train=128, tune=20, test=30, categories=5))
    assert found["full"]["steps"] == 20 * (128 // 64) and found["cache"]["pictures"] == 4 * 128 + 50
    assert all(found[part][name] > 0 for part, name in (("full", "seconds_a_step"), ("cache", "seconds_a_picture")))
    assert found["times_fewer"] == pytest.approx(found["full"]["seconds_a_trial"] / found["frozen"]["seconds_a_trial"])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("one_thread")
def test_a_trial_of_resnet50_at_224_pixels_is_at_least_fifty_times_cheaper(benchmark, write_evidence):
    found = benchmark.measure(benchmark.Sizes())
    write_evidence("frozen_mode", "pytest -m slow tests/training/test_frozen_step_benchmark.py", found)
    assert found["times_fewer"] >= FEWER
