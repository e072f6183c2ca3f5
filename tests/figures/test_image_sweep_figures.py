"""Figures of sweeps of image classifiers: budgets, fronts, importances, sizes."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fieldmark.errors import UserError
from fieldmark.figures.budget_numbers import band, expected_best
from fieldmark.figures.image_sweep import write_sweep_figures
from fieldmark.figures.image_sweep_reading import read_image_sweep
from fieldmark.figures.importance import importance
from fieldmark.figures.pareto import front, pareto
from fieldmark.figures.resolution import own, resolution
from fieldmark.figures.tuning_budget import tuning_budget
from fieldmark.figures.tuning_budget_picture import verdict, write_tuning_budget
from fieldmark.store import Store
from fieldmark.testing.synthetic_image_sweep import MARKS, SyntheticImageSweep, synthetic_image_sweep
from fieldmark.testing.synthetic_sweep import synthetic_sweep

LEVELS = st.sampled_from((-math.inf, 0.1, 0.2, 0.3, 0.4))


@pytest.fixture(scope="module")
def fusions() -> SyntheticImageSweep:
    return synthetic_image_sweep("memory://", "fusion")


@pytest.fixture(scope="module")
def sizes() -> SyntheticImageSweep:
    return synthetic_image_sweep("memory://", "resolution")


def _slow(tune: list[float], test: list[float], k: int) -> float:
    """Returns the mean test value of the best on tune over all draws of k trials that are not all stopped."""
    values = []
    for draw in itertools.combinations(range(len(tune)), k):
        best = max(tune[place] for place in draw)
        if math.isfinite(best):
            values.append(np.mean([test[place] for place in draw if tune[place] == best]))
    return float(np.mean(values)) if values else math.nan


@given(st.lists(st.tuples(LEVELS, st.floats(0, 1)), min_size=1, max_size=7))
def test_the_closed_form_is_the_mean_over_all_draws(trials: list[tuple[float, float]]) -> None:
    tune, test = map(list, zip(*trials, strict=True))
    expected = [_slow(tune, test, k) for k in range(1, len(trials) + 1)]
    np.testing.assert_allclose(expected_best(np.array(tune), np.array(test)), expected, atol=1e-9)


def test_the_budget_holds_for_many_trials() -> None:
    tune_N = np.random.default_rng(0).random(3000)
    found_K = expected_best(tune_N, tune_N)
    assert found_K[0] == pytest.approx(tune_N.mean()) and found_K[-1] == pytest.approx(tune_N.max())
    assert (np.diff(found_K) >= -1e-12).all()


def test_the_band_covers_the_truth_about_as_often_as_it_says() -> None:
    random, inside = np.random.default_rng(1), 0
    for repeat in range(100):
        tune_N = random.normal(size=30)
        low_K, high_K = band(tune_N, tune_N, resamples=200, seed=repeat)
        inside += low_K[2] <= 0.8463 <= high_K[2]  # the expected largest of three normal numbers
    assert 85 <= inside <= 100


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
def test_the_front_is_what_nothing_dominates(points: list[tuple[int, int]]) -> None:
    kept = front(*(np.array(values, float) for values in zip(*points, strict=True)))
    for on, (cost, value) in zip(kept, points, strict=True):
        others = [(c, v) for c, v in points if c <= cost and v >= value and (c, v) != (cost, value)]
        assert on == (not others)


def test_tune_decides_the_front_and_test_is_shown(fusions: SyntheticImageSweep) -> None:
    found = pareto(read_image_sweep(fusions.store, fusions.sweep))
    on_front = [one for one in found.points if one.on_front]
    assert {one.role for one in found.points} == {"baseline", "published", "search"}
    assert len(found.points) == 11, "ten complete trials and the baseline"
    cheapest = min(one.cost for one in found.points)
    assert max(found.points, key=lambda one: one.tune) in on_front and cheapest in {one.cost for one in on_front}
    assert all(len(one.test) == 2 for one in found.points)


def test_a_better_fusion_stands_first_at_every_budget(fusions: SyntheticImageSweep) -> None:
    found = tuning_budget(fusions.store, fusions.sweep)
    assert found.lines[0].name == "dynamic_mlp_c" and found.shared == 4
    assert sum(line.trials for line in found.lines) == 12 and sum(line.stopped for line in found.lines) == 2
    for line in found.lines:
        assert all(
            low - 1e-9 <= middle <= high + 1e-9
            for low, middle, high in zip(line.low, line.expected, line.high, strict=True)
            if low is not None and middle is not None and high is not None
        )
    assert "At 2 trials each: dynamic_mlp_c" in verdict(found)


def test_samplers_of_a_priorsnet_sweep_have_a_budget_each(tmp_path: Path) -> None:
    sweep = synthetic_sweep("memory://", trials=10)
    found = tuning_budget(sweep.store, sweep.sweep, "sampler")
    assert {line.name for line in found.lines} == {"class-balanced sampler", "instance-balanced sampler"}
    assert found.chosen_by == "top-1 (%) of image × prior, as published"
    files = write_tuning_budget(sweep.store, sweep.sweep, tmp_path, "sampler")
    assert [path.suffix for path in files] == [".png", ".svg", ".json"]
    with pytest.raises(UserError, match="has no budget by fusion"):
        tuning_budget(sweep.store, sweep.sweep, "fusion")


def test_the_parameter_that_matters_is_named(fusions: SyntheticImageSweep) -> None:
    found = importance(read_image_sweep(fusions.store, fusions.sweep))
    assert next(iter(found.shares)) == "fusion"
    assert sum(found.shares.values()) == pytest.approx(1) and found.trials == 10


def test_sizes_marks_and_bounds_stand_in_one_figure(sizes: SyntheticImageSweep) -> None:
    found = resolution(sizes.store, read_image_sweep(sizes.store, sizes.sweep))
    assert found.marks == {"coarse marks": MARKS[0], "fine marks": MARKS[1]}
    assert set(found.bounds) == {"image", "image+place+date"} and 64 in found.bounds["image"]
    trained = [line.trained_at for line in found.lines]
    assert trained == sorted(trained)
    chosen = [line for line in found.lines if line.chosen]
    assert len(chosen) == len({line.trained_at for line in chosen})
    for line in chosen:
        assert own(line).sizes == (line.trained_at,)
        assert {len(point.sizes) for point in line.points} == {1, 2}
        rivals = [one.tune for one in found.lines if one.trained_at == line.trained_at and one.role != "baseline"]
        assert line.tune == max(rivals)


def test_all_figures_of_a_sweep_are_written(sizes: SyntheticImageSweep, tmp_path: Path) -> None:
    files = write_sweep_figures(sizes.store, sizes.sweep, tmp_path)
    stems = ["learning-curves", "pareto", "importance", "tuning-budget", "resolution"]
    assert [path.name for path in files] == [f"{stem}{end}" for stem in stems for end in (".png", ".svg", ".json")]
    for path in files:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert picture.width >= 1280 and len(picture.convert("RGB").getcolors(1 << 24) or []) > 50
        if path.suffix == ".json":
            facts = json.loads(path.read_text())["facts"]
            assert facts["dataset"] == "world-mini" and facts["smoke"] and not facts["frozen"]


def test_a_sweep_that_has_just_begun_draws_what_it_can(tmp_path: Path) -> None:
    begun = synthetic_image_sweep("memory://", "fusion", trials=1, pruned=0)
    names = {path.stem for path in write_sweep_figures(begun.store, begun.sweep, tmp_path)}
    assert names == {"learning-curves", "pareto", "tuning-budget"}
    empty = Store.open("memory://")
    with pytest.raises(UserError, match="no sweep of image classifiers"):
        write_sweep_figures(empty, "0" * 32, tmp_path)
