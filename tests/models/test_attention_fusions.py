"""Attention in the Dynamic MLP's frame: parameter counts, and each block against a plain program."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fieldmark.errors import UserError
from fieldmark.models.fusions import Metadata, Sizes, build_fusion
from fieldmark.models.fusions.attention import AttentionBlock
from fieldmark.testing import check_fusion

NAMES = ("attention_image", "attention_location", "attention_concat")
RESNET50 = 23_508_032  # without its classifier
PAPER = Sizes(features=2048, categories=8142, metadata=6)
SMALL = Sizes(features=20, categories=5, metadata=6, location_width=16, location_dropout=0.0)
SETTINGS = {"d": 16, "h": 8, "tokens": 4}


def parameters(name: str, sizes: Sizes, **settings: int) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in build_fusion(name, settings, sizes).parameters())


@pytest.mark.parametrize(("name", "published"), zip(NAMES, (48.1, 48.1, 49.6), strict=True))
def test_the_published_count_is_met_to_its_last_digit(name: str, published: float) -> None:
    total = RESNET50 + parameters(name, PAPER)
    assert round(total / 1e6, 1) == published
    with torch.device("meta"):
        hidden = build_fusion(name, {}, PAPER).hidden
    for other in (hidden - 8, hidden + 8):
        assert abs(RESNET50 + parameters(name, PAPER, hidden=other) - published * 1e6) > abs(total - published * 1e6)


@pytest.mark.parametrize("settings", [{"blocks": 1}, {"blocks": 4}, {"d": 128, "h": 32}])
def test_other_sizes_keep_the_published_surplus_over_dynamic_mlp(settings: dict[str, int]) -> None:
    small = Sizes(features=512, categories=100, metadata=4)
    base = parameters("dynamic_mlp_b", small, **settings)
    # Widths are whole tokens, so the target is not met exactly.
    surplus = [parameters(name, small, **settings) - base for name in NAMES]
    assert surplus[0] == surplus[1] > 0
    assert surplus[2] / surplus[0] == pytest.approx((49.6 - 47.408334) / (48.1 - 47.408334), rel=0.02)


def plain_block(block: AttentionBlock, query_I, key_I):
    """One record, token by token."""

    def linear(layer, x_I):
        return layer.weight.numpy() @ x_I + (0 if layer.bias is None else layer.bias.numpy())

    def normed(x_I):
        return np.maximum((x_I - x_I.mean()) / np.sqrt(x_I.var() + 1e-5), 0)

    first = np.maximum(linear(block.query1.conv[0], query_I), 0)
    second = np.maximum(linear(block.key1.conv[0], key_I), 0)
    queries, keys, values = (
        np.split(linear(layer, x_I), block.tokens)
        for layer, x_I in ((block.query2, first), (block.key2, second), (block.value2, second))
    )
    tokens = []
    for query in queries:
        weights = np.exp([query @ key / np.sqrt(len(key)) for key in keys])
        tokens.append(sum(w * value for w, value in zip(weights / weights.sum(), values, strict=True)))
    return normed(linear(block.conv3.conv[0], normed(np.concatenate(tokens))))


@pytest.mark.parametrize("query", ["image", "location", "both"])
@pytest.mark.parametrize("key", ["image", "location", "both"])
def test_a_block_agrees_with_a_plain_program(query: str, key: str) -> None:
    block = AttentionBlock(6, 8, 10, query=query, key=key, hidden=12, tokens=4).double().requires_grad_(False)
    t_BI, e_BD = torch.randn(3, 6, dtype=torch.float64), torch.randn(3, 10, dtype=torch.float64)
    read = {"image": t_BI, "location": e_BD, "both": torch.cat([t_BI, e_BD], dim=1)}
    expected = [plain_block(block, q.numpy(), k.numpy()) for q, k in zip(read[query], read[key], strict=True)]
    np.testing.assert_allclose(block(t_BI, e_BD).numpy(), expected, rtol=1e-9, atol=1e-12)


def asked(count: int) -> tuple[Tensor, Metadata]:
    place_B2 = torch.full((count, 2), torch.nan)
    return torch.randn(count, SMALL.features), Metadata(encoded_BM=torch.randn(count, 6), place_B2=place_B2)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name: str) -> None:
    fusion = build_fusion(name, SETTINGS, SMALL)
    image_BF, metadata = asked(32)
    optimizer = torch.optim.Adam(fusion.parameters(), lr=1e-2)
    before = {key: value.clone() for key, value in fusion.named_parameters()}
    losses = []
    for _ in range(30):
        loss = functional.cross_entropy(fusion(image_BF, metadata), torch.arange(32) % SMALL.categories)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2
    assert [key for key, value in fusion.named_parameters() if torch.equal(value, before[key])] == []


@pytest.mark.parametrize("name", NAMES)
def test_image_and_location_both_count_and_nothing_known_is_finite(name: str) -> None:
    fusion = build_fusion(name, SETTINGS, SMALL).eval()
    image_BF, metadata = asked(4)
    nothing = metadata._replace(encoded_BM=torch.zeros(4, 6))
    logits, unknown = fusion(image_BF, metadata), fusion(image_BF, nothing)
    assert torch.isfinite(unknown).all()
    assert not torch.allclose(logits, unknown)
    assert not torch.allclose(logits, fusion(-image_BF, metadata))


@pytest.mark.parametrize("settings", [{"d": 16, "blocks": 1, "tokens": 2}, {"d": 16, "h": 4, "blocks": 3, "tokens": 4}])
def test_other_depths_and_tokens_keep_the_contract(settings: dict[str, int]) -> None:
    check_fusion("attention_concat", settings=settings)


@pytest.mark.parametrize(("settings", "named"), [({"d": 12, "tokens": 8}, "d=12"), ({"hidden": 9}, "hidden=9")])
def test_widths_that_tokens_do_not_divide(settings: dict[str, int], named: str) -> None:
    with pytest.raises(UserError, match=f"{named}: expected a multiple"):
        build_fusion("attention_image", settings, SMALL)


def test_one_token_has_nothing_to_attend_to() -> None:
    with pytest.raises(UserError, match="tokens"):
        build_fusion("attention_image", {"tokens": 1}, SMALL)
