"""The network: official names, official outputs, published sizes."""

import numpy as np
import pytest
import torch

from fieldmark.models.priorsnet import LocationEncoder, PriorsNet


def fill_sorted(model):
    """The fill rule of oracles/priorsnet.json."""
    with torch.no_grad():
        for t, name in enumerate(sorted(model.state_dict())):
            value = model.state_dict()[name]
            filled = torch.sin(0.7 * torch.arange(value.numel(), dtype=torch.float64) + 0.1 * (t + 1)).reshape(
                value.shape
            )
            value.copy_(filled / np.sqrt(value.shape[-1]) if value.dim() > 1 else filled * 0.01)


def fill_listed(model, names):
    """The fill rule of oracles/golden.json: tensors in the order of its list."""
    with torch.no_grad():
        for t, name in enumerate(names):
            value = model.state_dict()[name]
            value.copy_(
                (0.3 * torch.sin(0.7 * torch.arange(value.numel(), dtype=torch.float64) + 1.3 * t)).reshape(value.shape)
            )


ENCODER_NAMES = [
    f"feats.{layer}"
    for layer in ["0.weight", "0.bias"]
    + [f"{block}.{part}" for block in (2, 3, 4, 5) for part in ("w1.weight", "w1.bias", "w2.weight", "w2.bias")]
]
X = torch.tensor(
    [
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
    ],
    dtype=torch.float64,
)


@pytest.mark.parametrize(("inputs", "parameters"), [(2, 527_104), (4, 527_616), (6, 528_128)])
def test_the_encoder_has_the_published_size(inputs, parameters):
    assert sum(p.numel() for p in LocationEncoder(inputs).parameters()) == parameters


@pytest.mark.parametrize(
    ("categories", "parameters"), [(5089, 1_302_784), (8142, 2_084_352), (10_000, 2_560_000), (100, 25_600)]
)
def test_the_category_vectors_have_the_published_size(categories, parameters):
    assert PriorsNet(6, categories).class_emb.weight.numel() == parameters


def test_parameters_have_the_official_names():
    assert sorted(PriorsNet(6, 4, users=3).state_dict()) == sorted(
        [*ENCODER_NAMES, "class_emb.weight", "user_emb.weight"]
    )


def test_without_users_there_is_no_photographer_matrix():
    assert "user_emb.weight" not in PriorsNet(6, 4).state_dict()


def test_outputs_match_the_official_network():
    model = PriorsNet(6, 11, users=5, width=16).double().eval()
    fill_sorted(model)
    expected_row0 = [
        0.5071620626689328, 0.4867493961925814, 0.4874589443085626, 0.5081601237651663,
        0.5158517562784553, 0.4982772832929243, 0.48344953567452054, 0.4950007848183001,
        0.5145226293287053, 0.5108956443711002, 0.48989909717041275,
    ]  # fmt: skip
    expected_row2 = [
        0.06771715462630502, 0.6086452395165105, 0.2353434016121391, 0.02019759218633924,
        0.5127124749947461, 0.26711680104463376, 0.03893713549427115, 0.46604072448317113,
        0.28483238602788147, 0.0570901351229076, 0.5538423730166969, 0.32187975456578566,
        0.015033229390164899, 0.4564137973414074, 0.32459385537296365, 0.047970515352194654,
    ]  # fmt: skip
    probabilities = torch.sigmoid(model(X))
    np.testing.assert_allclose(probabilities[0].detach(), expected_row0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.feats(X)[2].detach(), expected_row2, rtol=0, atol=1e-12)
    assert probabilities.mean().item() == pytest.approx(0.5032593419872197, abs=1e-12)


def test_the_geo_encoder_of_the_dynamic_mlp_code_is_the_same_network():
    model = PriorsNet(6, 5, width=7).double().eval()
    fill_listed(model, [*ENCODER_NAMES, "class_emb.weight"])
    inputs = [
        [0.9291039794, -0.8817606509, -0.0086069969, 0.3698185982, -0.4716971004, 0.9999629591],
        [0.0, 0.0, -0.8573146281, 1.0, 1.0, -0.5147928015],
    ]
    expected = [
        [0.1498618639, -0.123697756, -0.1960041871, 0.0505833453, 0.2148730262],
        [0.0461882446, -0.1201094765, -0.0909920507, 0.0861671906, 0.1231345445],
    ]
    out = model(torch.tensor(inputs, dtype=torch.float64))
    np.testing.assert_allclose(out.detach(), expected, rtol=0, atol=1e-9)


def test_dropout_acts_in_training_only():
    model = PriorsNet(6, 3)
    x = X.float()
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
