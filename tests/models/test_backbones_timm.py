"""Backbones by timm's names: its numbers, its parameter names, and whatever its features are laid out as a map."""

import copy
import pickle
from urllib.error import URLError

import pytest
import timm
import torch

from fieldmark.errors import UserError
from fieldmark.models.backbones import build_backbone, timm_names
from fieldmark.models.backbones.timm_backbone import TimmBackbone

KINDS = {
    "test_resnet": "a convolutional map",
    "test_vit": "a class token before the patches",
    "test_vit4": "register tokens",
    "test_mambaout": "channels last, and a head with a hidden layer",
    "test_nfnet": "weight-standardised convolutions",
    "volo_d1_224": "a class token that the network does not speak of",
    "swin_s3_tiny_224": "channels last",
}


def _timm(name: str, **settings: object) -> torch.nn.Module:
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=0, **settings)


@pytest.mark.parametrize("name", KINDS)
def test_the_feature_is_timms_and_so_are_the_names(name: str) -> None:
    network = _timm(name).eval()
    pictures = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    built = TimmBackbone(network)
    assert list(built.state_dict()) == list(network.state_dict())
    assert [key for key, _ in built.named_parameters()] == [key for key, _ in network.named_parameters()]
    with torch.no_grad():
        expected = network.forward_head(network.forward_features(pictures), pre_logits=True)  # type: ignore[operator]
        map_BFHW = built.map(pictures)
        assert map_BFHW.ndim == 4
        assert torch.equal(built.pool(map_BFHW), expected)
        assert expected.shape == (2, built.width)


@pytest.mark.parametrize("name", ["test_vit", "swin_s3_tiny_224", "test_resnet"])
def test_what_is_done_to_the_map_reaches_the_feature(name: str) -> None:
    built = build_backbone(name, resolution=224).eval()
    with torch.no_grad():
        map_BFHW = built.map(torch.randn(1, 3, 224, 224))
        assert not torch.allclose(built.pool(map_BFHW * 2 + 1), built.pool(map_BFHW))


def test_the_resolution_and_drop_path_reach_networks_that_take_them() -> None:
    built = build_backbone("test_vit", resolution=96, drop_path=0.2)
    assert built.state_dict()["pos_embed"].shape[1] == 1 + (96 // 16) ** 2
    assert any(type(module).__name__ == "DropPath" for module in built.modules())
    assert build_backbone("vgg11", resolution=64, drop_path=0.2).width == 4096  # has neither, and needs neither


def test_it_is_one_module_to_pytorch() -> None:
    built = build_backbone("test_resnet", resolution=64)
    twin = pickle.loads(pickle.dumps(copy.deepcopy(built))).double()
    pictures = torch.randn(1, 3, 64, 64)
    for training in (True, False):
        for each in (built, twin):
            each.train(training)
            assert {module.training for module in each.modules()} == {training}
            assert each._network.training is training  # type: ignore[union-attr]
        with torch.no_grad():
            torch.testing.assert_close(twin(pictures.double()).float(), built(pictures), rtol=1e-3, atol=1e-4)
    assert {parameter.dtype for parameter in twin.parameters()} == {torch.float64}
    built(pictures).sum().backward()
    assert all(parameter.grad is not None for parameter in built.parameters())


def test_it_compiles() -> None:
    built = build_backbone("test_resnet", resolution=32).eval()
    pictures = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(torch.compile(built, backend="eager")(pictures), built(pictures))


def test_unknown_names_are_met_with_close_ones() -> None:
    with pytest.raises(UserError, match=r"'resnet_50'.*resnet50.*sk2res2net101, botnet152, pvt_large_v1"):
        build_backbone("resnet_50")
    with pytest.raises(UserError, match="Did you mean sk2res2net101"):
        build_backbone("sk2resnet101")
    with pytest.raises(UserError, match="hf-hub"):
        build_backbone("hf-hub:somebody/something")


def test_networks_that_cannot_take_the_pictures_say_so() -> None:
    with pytest.raises(UserError, match="inception_v3 cannot take pictures of 32 x 32"):
        build_backbone("inception_v3", resolution=32)
    with torch.device("meta"), pytest.raises(UserError, match="several maps"):
        build_backbone("efficientvim_m1")


def test_pretrained_weights_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(UserError, match=r"weights timm:resnet50.a1_in1k cannot be had.*name resolution"):
        build_backbone("resnet50", weights="timm:resnet50.a1_in1k")
    with pytest.raises(UserError, match="not timm's"):
        build_backbone("pvt_large_v1", weights="timm:resnet50.a1_in1k")
    with pytest.raises(UserError, match=r"expected .*timm:NAME.TAG"):
        build_backbone("resnet50", weights="timm")


def test_pretrained_is_asked_of_timms_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []
    create = timm.create_model

    def offline(name: str, *, pretrained: bool, **settings: object) -> torch.nn.Module:
        asked.append((name, pretrained))
        return create(name, **settings)

    monkeypatch.setattr(timm, "create_model", offline)
    for weights, wanted in {"timm:resnet50.tv_in1k": ("resnet50.tv_in1k", True), "none": ("resnet50", False)}.items():
        asked.clear()
        with torch.device("meta"):
            build_backbone("resnet50", weights=weights, resolution=32)
        assert set(asked) == {wanted}


@pytest.mark.slow
def test_nearly_every_family_of_timm_can_be_a_backbone() -> None:
    families: dict[str, str] = {}
    for name in timm_names():
        families.setdefault(timm.models._registry._model_to_module[name], name)
    refused = []
    with torch.device("meta"):
        for name in families.values():
            try:
                build_backbone(name)
            except UserError as error:
                refused.append(f"{name}: {error}")
    assert len(refused) <= 3, refused
