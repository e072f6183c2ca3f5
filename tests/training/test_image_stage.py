from collections.abc import Mapping

import numpy as np
import pytest

from fieldmark.config import ImageStageConfig
from fieldmark.data.observations import DataSet, Split
from fieldmark.data.world.config import WorldConfig
from fieldmark.data.world.world import World
from fieldmark.errors import UserError
from fieldmark.training.image_stage import ImageStageResult, train_image_stage

WORLD = World(WorldConfig(species=6, group_size=2, per_category=50, val_per_category=4, test_per_category=20, seed=3))
CONFIG = ImageStageConfig(resolution=24, epochs=5, batch=32)
PARTS = {"train": Split.TRAIN, "val": Split.TUNE, "test": Split.TEST}


def data_set() -> DataSet:
    found = WORLD.observations()
    assert found.given_split is not None
    codes = np.array([PARTS[name] for name in found.given_split.tolist()], dtype=np.int8)
    return DataSet(observations=found, protocol="official:0", split_N=codes)


def train(
    config: ImageStageConfig = CONFIG, seed: int = 0, stop_after: int = 99
) -> tuple[ImageStageResult, list[Mapping[str, float]]]:
    told: list[Mapping[str, float]] = []

    def report(epoch: int, metrics: Mapping[str, float]) -> bool:
        told.append(metrics)
        assert epoch == len(told)
        return epoch < stop_after

    return train_image_stage(config, data_set(), seed, report=report, threads=1), told


@pytest.fixture(scope="module")
def trained() -> tuple[ImageStageResult, list[Mapping[str, float]]]:
    return train()


def test_every_part_gets_probabilities_and_features(
    trained: tuple[ImageStageResult, list[Mapping[str, float]]],
) -> None:
    result, told = trained
    for split, n in ((Split.TRAIN, 300), (Split.TUNE, 24), (Split.TEST, 120)):
        assert result.scores[split].shape == (n, 6) and result.scores[split].dtype == np.float32
        np.testing.assert_allclose(result.scores[split].sum(axis=1), 1, rtol=1e-5)
        assert result.features[split].shape[0] == n and result.features[split].dtype == np.float32
    assert len(told) == CONFIG.epochs and result.seconds > 0
    assert told[-1]["loss"] < told[0]["loss"] and told[0]["images_per_second"] > 0


def test_it_tells_groups_apart_and_look_alikes_not(trained: tuple[ImageStageResult, list[Mapping[str, float]]]) -> None:
    scores = trained[0].scores[Split.TEST]
    data = data_set()
    truth = data.observations.category_N[data.indices(Split.TEST)]
    group_NG = scores.reshape(-1, 3, 2).sum(axis=2)
    assert (group_NG.argmax(axis=1) == truth // 2).mean() > 0.95
    right = (scores.argmax(axis=1) == truth).mean()
    assert 0.35 < right < 0.65, "below the mark's resolution two look-alikes are a coin toss"


def test_the_same_seed_gives_the_same_scores_and_another_seed_others() -> None:
    short = CONFIG.model_copy(update={"epochs": 1})
    first, again, other = (train(short, seed)[0].scores[Split.TEST] for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_report_can_end_the_training() -> None:
    assert len(train(stop_after=1)[1]) == 1


def test_mistakes_are_named() -> None:
    with pytest.raises(UserError, match="no_such_net"):
        train(ImageStageConfig(backbone="no_such_net"))
    from dataclasses import replace

    bare = replace(data_set(), observations=replace(WORLD.observations(), images=None))
    with pytest.raises(UserError, match="needs pictures"):
        train_image_stage(CONFIG, bare, 0, report=lambda epoch, metrics: True, threads=1)
