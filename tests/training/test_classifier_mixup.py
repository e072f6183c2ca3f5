"""Mixup and CutMix: pictures, metadata and targets are mixed alike."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fieldmark.config.recipe import RecipeConfig
from fieldmark.training.classifier.mixup import Mix, draw_mix, mix

SIDE = 12


def recipe(**changes):
    return RecipeConfig(batch=16, bn_batch=8, mixup_group=8, **changes)


def group(n=8):
    """Pictures and metadata whose every value is the record's number, and categories."""
    number_G = torch.arange(n, dtype=torch.float64)
    return number_G.view(n, 1, 1, 1).repeat(1, 3, SIDE, SIDE), number_G.view(n, 1).repeat(1, 6), torch.arange(n)


def test_pictures_metadata_and_targets_share_lambda_and_partners():
    image, encoded, category = group()
    how = draw_mix(recipe(), SIDE, 0, 5, 1)
    targets = mix(image, encoded, category, how)
    expected = how.share * np.arange(8) + (1 - how.share) * how.partner_G
    np.testing.assert_allclose(image, expected[:, None, None, None] * np.ones((1, 3, SIDE, SIDE)))
    np.testing.assert_allclose(encoded, expected[:, None] * np.ones((1, 6)))
    assert targets.first_B.tolist() == list(range(8)) and targets.second_B.tolist() == how.partner_G.tolist()
    assert (targets.share_B == how.share).all()


def test_lambda_one_changes_nothing_to_the_last_bit():
    generator = torch.Generator().manual_seed(0)
    image, encoded = torch.randn(8, 3, SIDE, SIDE, generator=generator), torch.randn(8, 6, generator=generator)
    before = image.clone(), encoded.clone()
    mix(image, encoded, torch.arange(8), Mix(partner_G=np.arange(8)[::-1].copy(), share=1.0))
    assert torch.equal(image, before[0]) and torch.equal(encoded, before[1])


@given(step=st.integers(0, 10_000))
def test_cutmix_mixes_metadata_by_the_area_that_is_kept(step):
    image, encoded, category = group()
    how = draw_mix(recipe(mixup=0.0, cutmix=1.0), SIDE, 0, step, 0)
    targets = mix(image, encoded, category, how)
    kept_G = (image == torch.arange(8).view(8, 1, 1, 1)).double().mean(dim=(1, 2, 3))
    moved_G = torch.as_tensor(how.partner_G != np.arange(8))
    torch.testing.assert_close(kept_G[moved_G], targets.share_B[moved_G])
    np.testing.assert_allclose(encoded[:, 0], how.share * np.arange(8) + (1 - how.share) * how.partner_G)


def test_where_both_are_on_each_is_chosen_half_of_the_time():
    cut = [draw_mix(recipe(mixup=0.8, cutmix=1.0), SIDE, 0, step, 0).box is not None for step in range(400)]
    assert 0.4 < np.mean(cut) < 0.6


def test_lambda_follows_its_distribution():
    shares = [draw_mix(recipe(mixup=0.4), SIDE, 0, step, group).share for step in range(300) for group in range(2)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    assert np.var(shares) == pytest.approx(0.25 / 1.8, rel=0.1)  # Beta(0.4, 0.4)


def test_every_group_of_every_step_has_draws_of_its_own():
    draws = [draw_mix(recipe(), SIDE, *key) for key in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0))]
    assert len({one.share for one in draws}) == len(draws)
    again = draw_mix(recipe(), SIDE, 0, 0, 1)
    assert again.share == draws[1].share and (again.partner_G == draws[1].partner_G).all()


def test_a_recipe_without_either_does_not_mix():
    assert draw_mix(recipe(mixup=0.0), SIDE, 0, 0, 0) is None
