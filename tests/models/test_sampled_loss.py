"""The sampled loss is unbiased: its average over every draw is the exact loss, gradients included."""

from itertools import combinations

import pytest
import torch

from fieldmark.models.presence_loss import object_term, presence_loss
from fieldmark.models.sampled_loss import draw_categories, sampled_object_term, sampled_presence_loss

CATEGORIES = 7


def tiny(seed):
    generator = torch.Generator().manual_seed(seed)
    tensors = [
        torch.randn((n, 3), generator=generator, dtype=torch.float64).requires_grad_() for n in (5, 4, CATEGORIES)
    ]
    return tensors, torch.tensor([0, 2, 2, 6, 5])


@pytest.mark.parametrize("drawn", [1, 3, 6, 7])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_mean_over_all_draws_is_the_exact_loss(drawn, seed):
    tensors, category = tiny(seed)
    exact = presence_loss(*tensors, category, 7.0)
    draws = [torch.tensor(draw) for draw in combinations(range(CATEGORIES), drawn)]
    mean = sum(sampled_presence_loss(*tensors, category, 7.0, drawn_K=draw) for draw in draws) / len(draws)
    torch.testing.assert_close(mean, exact, rtol=1e-12, atol=0)
    for got, expected in zip(torch.autograd.grad(mean, tensors), torch.autograd.grad(exact, tensors), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-13)


def test_the_object_term_alone_is_unbiased():
    (rows, _, class_emb), category = tiny(3)
    draws = [torch.tensor(draw) for draw in combinations(range(CATEGORIES), 2)]
    mean = sum(sampled_object_term(rows, class_emb, category, 50.0, drawn_K=draw) for draw in draws) / len(draws)
    torch.testing.assert_close(mean, object_term(rows, class_emb, category, 50.0), rtol=1e-12, atol=0)


def test_fewer_background_points_leave_the_expectation():
    """The background term is a mean over independent points: the mean over every half is the whole."""
    (features, background, class_emb), category = tiny(4)
    every = torch.arange(CATEGORIES)
    halves = [torch.tensor(half) for half in combinations(range(4), 2)]
    mean = sum(
        sampled_presence_loss(features, background[half], class_emb, category, 7.0, drawn_K=every) for half in halves
    ) / len(halves)
    torch.testing.assert_close(mean, presence_loss(features, background, class_emb, category, 7.0), rtol=1e-12, atol=0)


def test_every_category_is_drawn_equally_often_and_never_twice():
    torch.manual_seed(0)
    draws = torch.stack([draw_categories(20, 5) for _ in range(4000)])
    assert all(len(set(draw.tolist())) == 5 for draw in draws[:200])
    counts = torch.bincount(draws.flatten(), minlength=20).double()
    deviation = (counts - 1000) / (4000 * 0.25 * 0.75) ** 0.5
    assert deviation.abs().max() < 4
    assert len(draw_categories(20, 50)) == 20
