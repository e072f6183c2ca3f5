"""The concatenation classifier learns from the place what the image cannot say."""

import numpy as np
import pytest

from fieldmark.config import TangConfig
from fieldmark.data.experiment import ExperimentData, Part
from fieldmark.data.observations import PlaceTime, Split
from fieldmark.errors import UserError
from fieldmark.training.evaluation import evaluate
from fieldmark.training.methods import fit


def part(n: int, seed: int, features: bool = True) -> Part:
    """Two look-alike pairs: the feature tells the pair, the hemisphere tells the two apart; 10 % have no place."""
    generator = np.random.default_rng(seed)
    pair, east = generator.integers(0, 2, n), generator.integers(0, 2, n)
    missing = generator.random(n) < 0.1
    longitude_N = np.where(missing, np.nan, (2 * east - 1) * generator.uniform(40, 170, n))
    return Part(
        image_id=np.arange(n).astype(str),
        category_N=(2 * pair + east).astype(np.int32),
        place_time=PlaceTime(
            latitude_N=np.where(missing, np.nan, 10.0),
            longitude_N=longitude_N,
            date_N=np.full(n, "NaT", "datetime64[D]"),
            observer_N=np.full(n, -1, np.int32),
        ),
        image_features_NF=np.eye(2, dtype=np.float32)[pair] * 4 if features else None,
    )


def experiment(features: bool = True) -> ExperimentData:
    sizes = {Split.TRAIN: 800, Split.TUNE: 200, Split.TEST: 400}
    parts = {split: part(n, seed, features) for seed, (split, n) in enumerate(sizes.items())}
    return ExperimentData(num_categories=4, parts=parts)


def config(location: str, epochs: int = 27) -> TangConfig:
    return TangConfig(location=location, lr=2e-2, epochs=epochs, batch=128, width=16)


def accuracy(location: str) -> tuple[float, list[tuple[int, set[str]]]]:
    told = []
    data = experiment()
    prior = fit(config(location), data, 0, report=lambda epoch, figures: told.append((epoch, set(figures))) or True)
    found = evaluate(prior, data)
    assert {(one.split, one.score) for one in found} == {("tune", "joint"), ("test", "joint")}
    return next(one.metrics["top1"] for one in found if one.split == "test"), told


def test_the_place_tells_look_alikes_apart_and_a_missing_one_is_no_error():
    with_place, told = accuracy("gps")
    without, _ = accuracy("none")

    assert with_place > 0.9
    assert without < 0.6
    assert [epoch for epoch, _ in told] == list(range(1, 28))
    assert [epoch for epoch, names in told if "log_loss" in names] == [3, 9, 27]


def test_grid_cells_learn_too():
    found, _ = accuracy("grid")

    assert found > 0.5


def test_same_seed_same_numbers_and_the_report_stops():
    data = experiment()
    test = data.parts[Split.TEST]
    one, other, third = (
        fit(config("gps", 2), data, seed, report=lambda *_: True).joint(test, np.arange(9)) for seed in (5, 5, 6)
    )
    epochs = []
    fit(config("gps", 9), data, 0, report=lambda epoch, _: epochs.append(epoch) or epoch < 2)

    assert np.array_equal(one, other) and not np.array_equal(one, third)
    assert epochs == [1, 2]


def test_without_features_the_user_is_told():
    with pytest.raises(UserError, match="image features"):
        fit(config("gps"), experiment(features=False), 0, report=lambda *_: True)
