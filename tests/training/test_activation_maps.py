"""CAM and Grad-CAM against explicit loops and finite differences on tiny models."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fieldmark.models.backbones import Backbone, build_backbone
from fieldmark.models.backbones.layout import map_to_tokens, tokens_to_map
from fieldmark.models.classifier import Classifier
from fieldmark.models.fusions import Metadata, Sizes, build_fusion
from fieldmark.training.activation_maps import activation_maps

F, C, M, SIDE = 5, 4, 6, 12


class Tiny(Backbone):
    """A convolution to a map of 3 x 3; with `prefix`, a class token before it."""

    width = map_width = F

    def __init__(self, prefix: int | None = None, *, reads_patches: bool = True) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, F, 4, stride=4)
        self.prefix = prefix
        self.reads_patches = reads_patches

    def map(self, image_B3HW: Tensor) -> Tensor:
        map_BFHW = self.conv(image_B3HW).tanh()
        if self.prefix is None:
            return map_BFHW
        tokens_BNF = map_BFHW.flatten(2).transpose(1, 2)
        return tokens_to_map(torch.cat([9 + tokens_BNF[:, :1], tokens_BNF], dim=1), 1)

    def pool(self, map_BFHW: Tensor) -> Tensor:
        if self.prefix is None:
            return map_BFHW.square().mean(dim=(2, 3))  # so that gradients differ from place to place
        tokens_BNF = map_to_tokens(map_BFHW, 1)
        return tokens_BNF.mean(dim=1) if self.reads_patches else tokens_BNF[:, 0]


def _model(fusion: str, backbone: Backbone | None = None) -> Classifier:
    torch.manual_seed(0)
    wide = {"d": 24, "h": 12} if fusion.startswith("dynamic") else {}
    sizes = Sizes(features=F, categories=C, metadata=M, location_width=7, location_blocks=1)
    model = Classifier(backbone or Tiny(), build_fusion(fusion, wide, sizes)).double().eval()
    for parameter in model.parameters():
        parameter.data.normal_(std=0.5)
    return model


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randn(3, 3, SIDE, SIDE, generator=generator, dtype=torch.float64)
    metadata = torch.randn(3, M, generator=generator, dtype=torch.float64)
    return pictures, metadata, torch.zeros(3, 2, dtype=torch.float64), torch.tensor([2, 0, 3])


def _enlarged(map_hw: np.ndarray) -> np.ndarray:
    """Bilinear, pixel by pixel, then from 0 to 1."""
    scale = len(map_hw) / SIDE
    large = np.zeros((SIDE, SIDE))
    for row in range(SIDE):
        for column in range(SIDE):
            y, x = (max((place + 0.5) * scale - 0.5, 0) for place in (row, column))
            y0, x0 = int(y), int(x)
            y1, x1 = (min(place + 1, len(map_hw) - 1) for place in (y0, x0))
            upper = map_hw[y0, x0] * (1 - (x - x0)) + map_hw[y0, x1] * (x - x0)
            lower = map_hw[y1, x0] * (1 - (x - x0)) + map_hw[y1, x1] * (x - x0)
            large[row, column] = upper * (1 - (y - y0)) + lower * (y - y0)
    return (large - large.min()) / (large.max() - large.min())


@pytest.mark.parametrize("fusion", ["image_only", "dynamic_mlp_c", "concat_net", "add_dagger"])
def test_cam_is_the_classifiers_weights_on_the_map(fusion, inputs) -> None:
    model = _model(fusion)
    found = activation_maps(model, *inputs).cam_BHW
    weight = model.fusion.classifier.weight.detach().numpy()
    maps = model.backbone.map(inputs[0]).detach().numpy()
    assert found is not None
    for picture, category in enumerate(inputs[3].tolist()):
        plain = np.zeros((3, 3))
        for row in range(3):
            for column in range(3):
                plain[row, column] = sum(weight[category, f] * maps[picture, f, row, column] for f in range(F))
        np.testing.assert_allclose(found[picture].numpy(), _enlarged(plain), atol=1e-12)


def _logit(model: Classifier, map_FHW: Tensor, inputs, picture: int) -> float:
    metadata = Metadata(inputs[1][picture : picture + 1], inputs[2][picture : picture + 1])
    map_1FHW = map_FHW[None]
    if model.fusion.reads_map:
        map_1FHW = model.fusion.modulate(map_1FHW, metadata)
    return float(model.fusion(model.backbone.pool(map_1FHW), metadata)[0, inputs[3][picture]])


@pytest.mark.parametrize("fusion", ["image_only", "dynamic_mlp_c", "geonet_modulate_film"])
@torch.no_grad()
def test_grad_cam_goes_through_the_fusion(fusion, inputs) -> None:
    model = _model(fusion)
    found = activation_maps(model, *inputs).grad_cam_BHW
    assert found is not None and not found.requires_grad
    maps = model.backbone.map(inputs[0])
    for picture in range(3):
        weight, step = np.zeros(F), 1e-5
        for place in np.ndindex(F, 3, 3):
            up, down = maps[picture].clone(), maps[picture].clone()
            up[place] += step
            down[place] -= step
            weight[place[0]] += (_logit(model, up, inputs, picture) - _logit(model, down, inputs, picture)) / (2 * step)
        plain = np.maximum(np.tensordot(weight / 9, maps[picture].numpy(), 1), 0)
        expected = _enlarged(plain) if plain.max() > plain.min() else np.zeros((SIDE, SIDE))
        np.testing.assert_allclose(found[picture].numpy(), expected, atol=1e-5)


def test_what_the_location_changes_is_in_grad_cam_and_not_in_cam(inputs) -> None:
    model = _model("dynamic_mlp_c")
    elsewhere = (inputs[0], -3 * inputs[1], *inputs[2:])
    here, there = activation_maps(model, *inputs), activation_maps(model, *elsewhere)
    assert torch.equal(here.cam_BHW, there.cam_BHW)
    assert not torch.allclose(here.grad_cam_BHW, there.grad_cam_BHW)


def test_the_logits_are_the_models(inputs) -> None:
    model = _model("geonet_modulate_add")
    torch.testing.assert_close(activation_maps(model, *inputs).logits_BC, model(*inputs[:3]))


def test_class_tokens_are_no_places(inputs) -> None:
    with_token, plain = _model("image_only", Tiny(prefix=1)), _model("image_only", Tiny())
    plain.load_state_dict(with_token.state_dict())
    found, expected = activation_maps(with_token, *inputs), activation_maps(plain, *inputs)
    torch.testing.assert_close(found.cam_BHW, expected.cam_BHW)
    assert found.grad_cam_BHW is not None


def test_none_where_there_is_no_such_map(inputs) -> None:
    only_the_token = _model("image_only", Tiny(prefix=1, reads_patches=False))
    assert activation_maps(only_the_token, *inputs).grad_cam_BHW is None
    constant = activation_maps(_model("geonet_post_add"), *inputs)
    assert constant.grad_cam_BHW is None and constant.cam_BHW is not None
    model = _model("image_only")
    model.fusion.classifier = torch.nn.Linear(F + 1, C).double()
    model.fusion.forward = lambda image_BF, _: image_BF[:, :C]
    assert activation_maps(model, *inputs).cam_BHW is None


def test_a_map_of_one_cell_says_nothing() -> None:
    backbone = build_backbone("test_resnet", resolution=32)
    fusion = build_fusion("image_only", {}, Sizes(features=backbone.width, categories=C, metadata=M))
    torch.manual_seed(0)
    pictures, nowhere = torch.randn(2, 3, 32, 32), torch.zeros(2, M)
    found = activation_maps(Classifier(backbone, fusion), pictures, nowhere, torch.zeros(2, 2), torch.arange(2))
    assert found.cam_BHW is not None and not found.cam_BHW.any()
    assert found.grad_cam_BHW is not None and not found.grad_cam_BHW.any()


@pytest.mark.parametrize("name", ["resnet_smoke", "swin_smoke", "pvt_smoke"])
def test_real_backbones_give_maps_of_the_pictures_size(name) -> None:
    backbone = build_backbone(name, resolution=28)
    fusion = build_fusion("image_only", {}, Sizes(features=backbone.width, categories=C, metadata=M))
    torch.manual_seed(0)
    found = activation_maps(
        Classifier(backbone, fusion), torch.randn(2, 3, 28, 28), torch.zeros(2, M), torch.zeros(2, 2), torch.arange(2)
    )
    assert found.cam_BHW is not None and found.cam_BHW.shape == (2, 28, 28)
    assert found.cam_BHW.amin() == 0 and found.cam_BHW.amax() == 1
    assert (found.grad_cam_BHW is None) == (name == "pvt_smoke"), "PVT reads its class token alone"
