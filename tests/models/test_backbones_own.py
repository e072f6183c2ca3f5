"""The backbones that timm lacks: published sizes, official names, and what their special parts compute."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from fieldmark.errors import UserError
from fieldmark.models.backbones import Backbone, BackboneSettings, backbone, build_backbone
from fieldmark.models.backbones.botnet import RelativeAttention
from fieldmark.models.backbones.layout import map_to_tokens, tokens_to_map
from fieldmark.models.backbones.pvt import PVTLarge
from fieldmark.models.backbones.sk_res2net import Bottleneck, SelectiveKernel

OWN = {"sk2res2net101": 2048, "botnet152": 2048, "pvt_large_v1": 512}


def _parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def _on_meta(name: str, resolution: int = 224) -> Backbone:
    with torch.device("meta"):
        return build_backbone(name, resolution=resolution)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("resolution", [224, 200])
def test_pictures_of_any_size_give_one_feature(name: str, resolution: int) -> None:
    built = _on_meta(name, resolution)  # building runs a picture of that size through it
    assert (built.width, built.map_width) == (OWN[name], OWN[name])


def test_sk_res2net_has_the_published_count() -> None:
    assert _parameters(_on_meta("sk2res2net101")) + 2049 * 1000 == 48_380_777


def test_pvt_large_has_the_published_count() -> None:
    """Wang et al. 2021, Table 2: 61.4 M with a classifier of 1,000."""
    assert _parameters(_on_meta("pvt_large_v1")) + 513 * 1000 == 61_369_320


def test_botnet_swaps_three_convolutions_of_resnet_152() -> None:
    relative = 2 * 128 * ((2 * 14 - 1) + 2 * (2 * 7 - 1))
    swapped = 3 * (3 * 512 * 512 - 9 * 512 * 512) + relative
    assert _parameters(_on_meta("botnet152")) == _parameters(_on_meta("resnet152")) + swapped
    # The same exchange takes ResNet-50 from 25.6 M to the 20.8 M of Srinivas et al. 2021.
    assert (25_557_032 + swapped) / 1e6 == pytest.approx(20.8, abs=0.06)


@pytest.mark.parametrize("name", ["sk2res2net101", "resnet50"])
def test_names_and_shapes_are_the_official_ones(name: str, shared: Path) -> None:
    official = json.loads((shared / "oracles" / "official_checkpoint_shapes.json").read_text())[name]
    wanted = {key: tuple(shape) for key, shape in official if not key.startswith("fc.")}
    assert {key: tuple(tensor.shape) for key, tensor in _on_meta(name).state_dict().items()} == wanted


@pytest.mark.parametrize("name", ["sk2res2net101", "resnet50"])
def test_batch_norm_begins_at_one_and_convolutions_by_fan_out(name: str) -> None:
    built = build_backbone(name, resolution=64)
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert bool((module.weight == 1).all()) and bool((module.bias == 0).all())
    weight = built.state_dict()["layer2.1.conv1.weight"]
    assert weight.std().item() == pytest.approx((2 / weight.shape[0]) ** 0.5, rel=0.05)


def test_the_selective_kernel_goes_from_one_input_to_the_other() -> None:
    kernel = SelectiveKernel(64).eval()
    before, after = torch.randn(2, 64, 5, 5), torch.randn(2, 64, 5, 5)
    last = kernel.sk_proj[3]
    assert isinstance(last, torch.nn.Conv2d) and last.bias is not None
    for bias, expected in ((50.0, after), (-50.0, before)):
        torch.nn.init.constant_(last.bias, bias)
        torch.testing.assert_close(kernel(before, after), expected)


@pytest.mark.parametrize("first", [True, False])
def test_splits_feed_each_other_in_all_but_the_first_block(first: bool) -> None:
    block = Bottleneck(256, 64, stride=1, first=first).eval()
    x = torch.randn(1, 104, 6, 6)
    changed = x.clone()
    changed[:, :26] += 1
    moved = (block._scales(changed) - block._scales(x)).abs().amax(dim=(0, 2, 3)).reshape(4, 26).amax(dim=1)
    assert [bool(split > 0) for split in moved] == [True, not first, not first, False]


def _attended(attention: RelativeAttention, x_CHW: Tensor) -> Tensor:
    """The same for one picture, cell by cell, where the map has the stored size."""
    channels, height, width = x_CHW.shape
    qkv = torch.einsum("oc,chw->hwo", attention.qkv.weight[:, :, 0, 0], x_CHW).reshape(height * width, 3, 4, -1)
    query, key, value = qkv.unbind(1)
    found = torch.empty(height * width, 4, channels // 4, dtype=x_CHW.dtype)
    for head in range(4):
        for i in range(height * width):
            logits = []
            for j in range(height * width):
                down, right = j // width - i // width, j % width - i % width
                relative = attention.rows[down + height - 1] + attention.columns[right + width - 1]
                logits.append(query[i, head] @ (key[j, head] + relative) / (channels // 4) ** 0.5)
            found[i, head] = torch.stack(logits).softmax(0) @ value[:, head]
    return found.flatten(1).T.reshape(channels, height, width)


def test_attention_adds_how_far_rows_and_columns_are_apart() -> None:
    attention = RelativeAttention(16, side=3, stride=1).double()
    x = torch.randn(2, 16, 3, 3, dtype=torch.float64)
    for picture, found in zip(x, attention(x), strict=True):
        torch.testing.assert_close(found, _attended(attention, picture))


def test_relative_positions_keep_their_ends_at_another_size() -> None:
    attention = RelativeAttention(16, side=3, stride=1).double()
    with torch.no_grad():
        attention.rows.zero_()
        attention.columns.copy_(torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None].expand(5, 4))
        attention.qkv.weight.zero_()
        attention.qkv.weight[:16] = 0.25  # every query is the sum of the channels; keys are zero
        relative = attention._relative(torch.ones(1, 4, 25, 4, dtype=torch.float64), 5, 5)
    across = relative[0, 0, 0, :5]  # from the first cell to those of its row: from no distance to the furthest
    torch.testing.assert_close(across, torch.linspace(0, 4, 5, dtype=torch.float64))


def test_pvt_reads_the_class_token_and_interpolates_positions() -> None:
    torch.manual_seed(0)
    network = build_backbone("pvt_large_v1", resolution=64).eval()
    assert isinstance(network, PVTLarge)
    with torch.no_grad():
        picture = torch.randn(1, 3, 64, 64)
        map_1FHW = network.map(picture)
        assert map_1FHW.shape == (1, 512, 3, 2)  # the class token's row, and the grid of two by two
        torch.testing.assert_close(network.pool(map_1FHW), map_1FHW[:, :, 0, 0])
        before = network(picture)
        network.pos_embed1.add_(torch.linspace(-1, 1, 56 * 56)[None, :, None])
        assert not torch.allclose(network(picture), before)


@given(side=st.integers(1, 6), extra=st.integers(0, 9), prefix=st.integers(0, 5), width=st.integers(1, 4))
def test_tokens_come_back_from_the_map(side: int, extra: int, prefix: int, width: int) -> None:
    tokens = torch.randn(2, prefix + side * side + extra, width)
    as_map = tokens_to_map(tokens, prefix)
    assert as_map.shape[:2] == (2, width)
    assert torch.equal(map_to_tokens(as_map, prefix), tokens)


def test_patches_keep_their_places_on_the_map() -> None:
    tokens = torch.arange(2 + 9, dtype=torch.float32).reshape(1, 11, 1)
    assert tokens_to_map(tokens, 2)[0, 0].tolist() == [[0, 1, 0], [2, 3, 4], [5, 6, 7], [8, 9, 10]]


def test_a_backbone_of_ones_own() -> None:
    @backbone("stripes")
    class Stripes(Backbone):
        def __init__(self, settings: BackboneSettings) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 5, 3)
            self.width = 5

        def map(self, image_B3HW: Tensor) -> Tensor:
            return self.conv(image_B3HW)

        def pool(self, map_BFHW: Tensor) -> Tensor:
            return map_BFHW.mean(dim=(2, 3))

    assert build_backbone("stripes", resolution=16)(torch.zeros(2, 3, 16, 16)).shape == (2, 5)

    @backbone("stripes_with_a_wrong_width")
    class Wrong(Stripes):
        def __init__(self, settings: BackboneSettings) -> None:
            super().__init__(settings)
            self.width = 6

    with pytest.raises(UserError, match=r"stripes_with_a_wrong_width.*\(1, 6\).*\(1, 5\)"):
        build_backbone("stripes_with_a_wrong_width")


def test_no_backbone_takes_a_name_that_is_taken() -> None:
    with pytest.raises(UserError, match="timm has one"):
        backbone("resnet50")
    with pytest.raises(UserError, match="PVTLarge has that name"):
        backbone("pvt_large_v1")(type("Other", (Backbone,), {}))
