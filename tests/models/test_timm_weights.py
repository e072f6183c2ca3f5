"""Which of timm's pretrained weights a word stands for, and what pixels they want."""

import pytest

from fieldmark.errors import UserError
from fieldmark.models.backbones.timm_weights import normalisation_of, resolved_timm


@pytest.mark.parametrize(
    ("backbone", "weights", "resolved"),
    [
        ("resnet50", "timm", "timm:resnet50.a1_in1k"),
        ("resnet50", "timm:resnet50.tv_in1k", "timm:resnet50.tv_in1k"),
        ("resnet50.tv_in1k", "timm", "timm:resnet50.tv_in1k"),
        ("test_resnet", "timm:test_resnet", "timm:test_resnet.r160_in1k"),
    ],
)
def test_weights_are_resolved_to_a_tag(backbone, weights, resolved):
    assert resolved_timm(backbone, weights) == resolved


@pytest.mark.parametrize(
    ("backbone", "weights", "told"),
    [
        ("resnet50", "timm:resnet50.nope", r"timm:resnet50.nope.*a1_in1k.*tv_in1k"),
        ("resnet50", "timm:resnet18.a1_in1k", "of resnet18, and the backbone is resnet50"),
        ("pvt_large_v1", "timm", "not timm's"),
        ("coatnet_0_224", "timm", "timm has none of coatnet_0_224"),
        ("resnet_50", "timm", "not known"),
    ],
)
def test_weights_that_there_are_not_are_one_line(backbone, weights, told):
    with pytest.raises(UserError, match=told) as refused:
        resolved_timm(backbone, weights)
    assert "\n" not in str(refused.value)


def test_the_pixels_that_weights_want():
    assert normalisation_of("timm:resnet50.tv_in1k") == "imagenet"
    assert normalisation_of("timm:vit_base_patch16_224.augreg2_in21k_ft_in1k") == "half"
    assert normalisation_of("timm:inception_v3.tv_in1k") == "half"
    with pytest.raises(UserError, match=r"0\.48145466.*0\.26862954"):
        normalisation_of("timm:vit_base_patch32_clip_224.openai")
