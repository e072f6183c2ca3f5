"""The losses against the official code: values and gradient norms in float64."""

import numpy as np
import pytest
import torch

from fieldmark.models.fused_loss import fused_object_term, fused_presence_loss
from fieldmark.models.presence_loss import object_term, photographer_place_term, presence_loss
from fieldmark.models.priorsnet import PriorsNet
from fieldmark.models.sampled_loss import sampled_object_term, sampled_presence_loss

WRAPPED = [
    [0.0, 0.0, 1.0, 1.0, -1.2246467991473532e-16, -1.0],
    [
        -0.0017453283658983227,
        -0.01745240643728344,
        -0.9999984769132877,
        -0.9998476951563913,
        -1.0,
        6.123233995736766e-17,
    ],
    [0.8348478632634065, -0.9997806834748455, -0.5504807400849956, -0.020942419883356926, 0.0, 1.0],
    [
        0.21643961393810288,
        0.9941509639723154,
        0.9762960071199334,
        0.10799935570602284,
        0.01759201134110017,
        -0.9998452485944885,
    ],
]
# oracles/priorsnet.json: without and with the photographer terms
VALUES = {False: 1.990024475133304, True: 4.732209514219146}
GRADIENT_NORMS = {
    "class_emb.weight": (0.5781034843821378, 0.603818207616936),
    "feats.0.bias": (0.15204427250557723, 0.2049573591078983),
    "feats.0.weight": (0.24744051451724017, 0.41399050978119717),
    "feats.2.w1.bias": (0.042843837775509826, 0.09745306281663141),
    "feats.2.w1.weight": (0.1326968532081313, 0.2410400388923389),
    "feats.2.w2.bias": (0.08212261748602995, 0.17952653914102162),
    "feats.2.w2.weight": (0.030360482206135256, 0.06543923706349977),
    "feats.3.w1.bias": (0.060049283225040266, 0.08330647561669306),
    "feats.3.w1.weight": (0.08568844290166365, 0.13927129382813183),
    "feats.3.w2.bias": (0.10812646116943535, 0.11604022349343328),
    "feats.3.w2.weight": (0.023996875727786315, 0.040349117127919866),
    "feats.4.w1.bias": (0.0432954886865748, 0.0563172085187494),
    "feats.4.w1.weight": (0.09883427436057031, 0.1049887260551432),
    "feats.4.w2.bias": (0.08570300294015132, 0.1032060475092166),
    "feats.4.w2.weight": (0.021460997377847433, 0.029060516806136475),
    "feats.5.w1.bias": (0.02614287997245283, 0.032518913984726505),
    "feats.5.w1.weight": (0.06978950266028475, 0.08799185955859631),
    "feats.5.w2.bias": (0.0642895950611445, 0.0679520942085585),
    "feats.5.w2.weight": (0.023905121831255018, 0.016377128408411778),
    "user_emb.weight": (None, 0.4253276667123801),
}
EVERY = torch.arange(11)


def plain(f, r, o, y, w):
    return presence_loss(f, r, o, y, w)


def fused(f, r, o, y, w):
    return fused_presence_loss(f, r, o, y, w, chunk_elements=25)


def sampled_all(f, r, o, y, w):
    return sampled_presence_loss(f, r, o, y, w, drawn_K=EVERY)


def plain_users(u, o, y, w):
    return object_term(u, o, y, w)


def fused_users(u, o, y, w):
    return fused_object_term(u, o, y, w)


def sampled_users(u, o, y, w):
    return sampled_object_term(u, o, y, w, drawn_K=EVERY)


def official_model():
    model = PriorsNet(6, 11, users=5, width=16).double().eval()
    with torch.no_grad():
        for t, name in enumerate(sorted(model.state_dict())):
            value = model.state_dict()[name]
            filled = torch.sin(0.7 * torch.arange(value.numel(), dtype=torch.float64) + 0.1 * (t + 1)).reshape(
                value.shape
            )
            value.copy_(filled / np.sqrt(value.shape[-1]) if value.dim() > 1 else filled * 0.01)
    return model


@pytest.mark.parametrize("photographer", [False, True])
@pytest.mark.parametrize(
    ("loss", "users_loss"),
    [(plain, plain_users), (fused, fused_users), (sampled_all, sampled_users)],
    ids=["plain", "fused", "sampled with every category"],
)
def test_value_and_gradients_match_the_official_code(loss, users_loss, photographer):
    model = official_model()
    x = torch.tensor(WRAPPED, dtype=torch.float64)
    y, u = torch.tensor([3, 0, 10, 7]), torch.tensor([0, 4, 2, 2])
    f, r = model.feats(torch.cat([x, x.flip(0) * 0.9])).chunk(2)
    value = loss(f, r, model.class_emb.weight, y, 11.0)
    if photographer:
        users = model.user_emb.weight[u]
        value = value + photographer_place_term(f, r, users) + users_loss(users, model.class_emb.weight, y, 11.0)
    value.backward()
    assert value.item() == pytest.approx(VALUES[photographer], abs=1e-12)
    for name, parameter in model.named_parameters():
        expected = GRADIENT_NORMS[name][photographer]
        if expected is None:
            assert parameter.grad is None
        else:
            assert parameter.grad.norm().item() == pytest.approx(expected, abs=1e-12), name
