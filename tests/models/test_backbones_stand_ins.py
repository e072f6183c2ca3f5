"""The small networks: of the families they stand for, small enough, at all sizes that they are shown; they learn."""

import pytest
import torch
from timm.models.resnet import Bottleneck as TimmBottleneck
from timm.models.swin_transformer import SwinTransformerBlock

from fieldmark.config import ClassifierConfig
from fieldmark.config.recipe import Recipes
from fieldmark.data.images.prepare import prepare_images
from fieldmark.data.open import open_dataset
from fieldmark.models.backbones import build_backbone
from fieldmark.models.backbones.botnet import RelativeAttention
from fieldmark.models.backbones.layout import places_of_map
from fieldmark.models.backbones.pvt import ReducedAttention
from fieldmark.models.backbones.sk_res2net import SelectiveKernel
from fieldmark.models.build import build_classifier
from fieldmark.training.classifier.fit import fit_classifier

FAMILIES = {
    "resnet_smoke": TimmBottleneck,
    "sk_res2net_smoke": SelectiveKernel,
    "botnet_smoke": RelativeAttention,
    "swin_smoke": SwinTransformerBlock,
    "pvt_smoke": ReducedAttention,
}
"""What each has that its family has."""
EASY = "world:species=4,group_size=1,per_category=40,val_per_category=2,test_per_category=20,full=1"


def _parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", FAMILIES)
def test_it_is_small_and_of_its_family(name: str) -> None:
    config = ClassifierConfig(
        backbone=name,
        resolution=28,
        fusion="dynamic_mlp_c",
        fusion_settings={"d": 32, "h": 8},
        location_width=32,
    )
    model = build_classifier(config, 60)
    assert _parameters(model.backbone) <= 300_000 and _parameters(model) < 500_000
    assert any(isinstance(module, FAMILIES[name]) for module in model.backbone.modules())


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("side", [16, 28, 36, 56, 80, 96])
def test_a_map_has_several_cells_at_every_size(name: str, side: int) -> None:
    made_for = side if name == "swin_smoke" else 28
    network = build_backbone(name, resolution=made_for).eval()
    with torch.no_grad():
        map_1FHW = places_of_map(network.map(torch.randn(1, 3, side, side)), network.prefix)
        assert network.pool(network.map(torch.randn(1, 3, side, side))).shape == (1, network.width)
    assert map_1FHW.shape[2] == map_1FHW.shape[3] >= (2 if side < 28 else 4)


def test_the_window_transformer_takes_no_other_size_once_it_is_made() -> None:
    with pytest.raises(AssertionError):
        build_backbone("swin_smoke", resolution=28)(torch.zeros(1, 3, 48, 48))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_parameter_trains(name: str) -> None:
    torch.manual_seed(0)
    network = build_backbone(name, resolution=28, drop_path=0.0).train()
    network(torch.randn(8, 3, 28, 28)).square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), key


@pytest.mark.parametrize("name", FAMILIES)
def test_it_learns(name: str) -> None:
    """Four species that anybody tells apart; chance is one in four, of 80 test pictures."""
    config = ClassifierConfig(
        **{**Recipes.NAMES["smoke"].model_dump(), "batch": 16, "epochs": 6, "mixup": 0.0},
        backbone=name,
        resolution=28,
        fusion="image_only",
    )
    data, _ = prepare_images(open_dataset(EASY), resolution=28, pack=False, say=lambda _: None)
    fitted = fit_classifier(config, data, 0, report=lambda *_: True)
    top1 = fitted.evaluate(data)[-1].metrics["top1"]
    assert top1 > 0.5, "five standard errors above chance"
