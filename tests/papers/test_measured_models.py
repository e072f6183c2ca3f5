"""The models that stand in at smoke scale: every one can be made, and none is large."""

import torch

from fieldmark.config import ClassifierConfig, FrozenConfig
from fieldmark.models.build import build_classifier
from fieldmark.papers import MEASURED, figure_runs, measurements

CATEGORIES = 60  # of every world
MOST = 500_000


def size(config: ClassifierConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build_classifier(config, CATEGORIES).parameters())


def test_every_stand_in_can_be_made_and_has_at_most_half_a_million_parameters() -> None:
    rows = [one.config for table in MEASURED for one in measurements(table, "smoke")]
    runs = [one.config for one in figure_runs("smoke")]
    configs = [one.classifier if isinstance(one, FrozenConfig) else one for one in (*rows, *runs) if one is not None]
    models = {one.config_id: one for one in configs}
    sizes = {f"{one.backbone} {one.resolution} {one.fusion}": size(one) for one in models.values()}
    assert len(sizes) >= 20
    assert max(sizes.values()) <= MOST, max(sizes.items(), key=lambda item: item[1])
    assert max(one.resolution for one in models.values()) <= 64
