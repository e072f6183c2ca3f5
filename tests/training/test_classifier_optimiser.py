"""Which parameters decay."""

import pytest
import torch
from torch import nn

from fieldmark.config import RecipeConfig, Recipes
from fieldmark.models.backbones import build_backbone
from fieldmark.models.backbones.base import BackboneSettings
from fieldmark.models.backbones.pvt import PVTLarge
from fieldmark.training.classifier.optimiser import build_optimiser


def decaying(config, model):
    """Returns the names of the parameters that decay and of those that do not; each is in one group."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = build_optimiser(config, model).param_groups
    found = [[names[id(one)] for one in group["params"]] for group in groups]
    assert sorted(name for group in found for name in group) == sorted(names.values())
    pairs = list(zip(groups, found, strict=True))
    return tuple(
        {name for group, of in pairs for name in of if (group["weight_decay"] > 0) == wanted}
        for wanted in (True, False)
    )


@pytest.mark.parametrize("name", ["test_vit", "swin_tiny_patch4_window7_224"])
def test_timms_transformers_spare_what_timm_spares(name):
    model = nn.Module()
    with torch.device("meta"):
        model.backbone = build_backbone(name)
    decay, spared = decaying(Recipes.NAMES["transformer"], model)
    own = {f"backbone.{one}" for one in model.backbone._network.no_weight_decay()} & (decay | spared)
    assert own and own <= spared
    assert any(one.endswith("mlp.fc1.weight") for one in decay)
    assert spared - own == {key for key, one in model.named_parameters() if one.ndim <= 1} - own


def test_tokens_and_positions_of_our_own_networks_are_spared():
    model = nn.Module()
    with torch.device("meta"):
        model.backbone = PVTLarge(BackboneSettings())
    _, spared = decaying(Recipes.NAMES["transformer"], model)
    assert {"backbone.cls_token", *(f"backbone.pos_embed{stage}" for stage in range(1, 5))} <= spared


def test_everything_decays_in_the_recipe_of_convolutional_networks():
    model = build_backbone("test_vit", resolution=32)
    assert decaying(RecipeConfig(), model)[1] == set()
