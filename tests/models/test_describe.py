"""Size and cost of whole classifiers, against the counts of the authors' own modules (SPEC 4.2)."""

import json
import time
from pathlib import Path

import pytest
import torch

from fieldmark.config import ClassifierConfig
from fieldmark.errors import UserError
from fieldmark.models.build import build_classifier
from fieldmark.models.describe import ModelDescription, describe_classifier


def _described(backbone: str, fusion: str, categories: int) -> ModelDescription:
    return describe_classifier(ClassifierConfig(backbone=backbone, fusion=fusion), categories)


@pytest.mark.parametrize(
    ("backbone", "fusion", "parameters", "giga"),
    [
        ("resnet50", "image_only", 40_190_990, 4.104),
        ("resnet50", "dynamic_mlp_a", 50_261_646, None),
        ("resnet50", "dynamic_mlp_b", 47_408_334, 4.111),
        ("resnet50", "dynamic_mlp_c", 47_559_886, 4.111),
        ("sk2res2net101", "image_only", 63_014_735, 8.840),
        ("sk2res2net101", "dynamic_mlp_c", 70_383_631, 8.847),
    ],
)
def test_the_published_sizes(backbone: str, fusion: str, parameters: int, giga: float | None) -> None:
    found = _described(backbone, fusion, 8142)
    assert (found.parameters, found.feature_width) == (parameters, 2048)
    if giga is not None:
        assert round(found.multiply_adds / 1e9, 3) == giga


def test_every_count_of_the_oracle(shared: Path) -> None:
    counts = json.loads((shared / "oracles" / "dynamic_mlp.json").read_text())["param_counts"]
    for official, by_categories in counts.items():
        if isinstance(by_categories, dict):  # the others are in the test above
            backbone, _, fused = official.partition("_")
            fusion = "dynamic_mlp_c" if fused else "image_only"
            for categories, parameters in by_categories.items():
                assert _described(backbone, fusion, int(categories)).parameters == parameters


def test_it_is_quick_and_makes_no_weights() -> None:
    begun = time.process_time()
    found = _described("swin_large_patch4_window7_224", "dynamic_mlp_c", 10_000)
    assert time.process_time() - begun < 3
    assert found.feature_width == 1536 and found.parameters > 2e8
    assert found.multiply_adds / 1e9 == pytest.approx(34.5, abs=0.1)  # Liu et al. 2021, Table 1: 34.5 G


def test_what_it_describes_is_what_is_built() -> None:
    config = ClassifierConfig(backbone="test_resnet", fusion="geonet_modulate_film", resolution=64)
    model = build_classifier(config, 5)
    found = describe_classifier(config, 5)
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    logits = model(torch.zeros(2, 3, 64, 64), torch.zeros(2, 6), torch.full((2, 2), torch.nan))
    assert logits.shape == (2, 5) and bool(logits.isfinite().all())


def test_a_fusion_that_asks_for_values_is_counted_too() -> None:
    found = _described("test_resnet", "geonet_bayes", 8)
    assert found.multiply_adds == _described("test_resnet", "image_only", 8).multiply_adds


def test_larger_pictures_cost_more() -> None:
    small, large = (
        describe_classifier(ClassifierConfig(backbone="test_resnet", fusion="image_only", resolution=side), 8)
        for side in (64, 128)
    )
    assert small.parameters == large.parameters
    assert large.multiply_adds == pytest.approx(4 * small.multiply_adds, rel=0.01)


TAGGED = "timm:test_resnet.r160_in1k"


def test_weights_are_not_fetched_to_describe_them() -> None:
    config = ClassifierConfig(backbone="test_resnet", fusion="image_only", weights=TAGGED, resolution=64)
    assert describe_classifier(config, 8).feature_width == 96


def test_the_map_must_be_as_wide_as_the_feature_to_be_modulated() -> None:
    config = ClassifierConfig(backbone="mobilenetv3_small_050", fusion="geonet_modulate_add", resolution=64)
    with torch.device("meta"), pytest.raises(UserError, match=r"288 channels for a feature of 1024.*where=pooled"):
        build_classifier(config, 5)
    pooled = config.model_copy(update={"fusion_settings": {**config.fusion_settings, "where": "pooled"}})
    assert describe_classifier(pooled, 5).feature_width == 1024
