"""Label smoothing and mixed targets against the authors' program and PyTorch's own loss."""

import pytest
import torch
from torch.nn import functional

from fieldmark.training.classifier.smoothing import Targets, smoothed_loss


def plain(category_B):
    """Targets that are not mixed."""
    return Targets(category_B, category_B, torch.ones(len(category_B), dtype=torch.float64))


def random_logits(rows=6, categories=5):
    return torch.randn(rows, categories, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_smoothing_over_the_others_is_the_authors():
    logits_BC = torch.cos(0.3 * torch.arange(7, dtype=torch.float64) + torch.arange(4, dtype=torch.float64)[:, None])
    assert smoothed_loss(logits_BC, plain(torch.tensor([0, 3, 6, 2])), 0.1).item() == pytest.approx(
        1.992201062962851, abs=1e-9
    )
    logits_BC = torch.tensor([[1.0, 2.0, 3.0, -1.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    assert smoothed_loss(logits_BC, plain(torch.tensor([2, 0])), 0.1).item() == pytest.approx(
        1.019672170384282, abs=1e-9
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_smoothing_over_all_is_pytorchs(smoothing):
    logits_BC, category_B = random_logits(), torch.tensor([0, 1, 2, 3, 4, 0])
    expected = functional.cross_entropy(logits_BC, category_B, label_smoothing=smoothing)
    torch.testing.assert_close(smoothed_loss(logits_BC, plain(category_B), smoothing, "all"), expected)


@pytest.mark.parametrize("over", ["others", "all"])
def test_a_mixture_pays_for_both_categories_by_their_shares(over):
    logits_BC, share_B = random_logits(), torch.tensor([0.0, 0.2, 0.4, 0.6, 0.9, 1.0], dtype=torch.float64)
    first_B, second_B = torch.tensor([0, 1, 2, 3, 4, 0]), torch.tensor([1, 1, 4, 0, 2, 3])
    expected = torch.stack(
        [
            share * smoothed_loss(row[None], plain(first[None]), 0.1, over)
            + (1 - share) * smoothed_loss(row[None], plain(second[None]), 0.1, over)
            for row, first, second, share in zip(logits_BC, first_B, second_B, share_B, strict=True)
        ]
    ).mean()
    torch.testing.assert_close(smoothed_loss(logits_BC, Targets(first_B, second_B, share_B), 0.1, over), expected)


def test_one_category_has_nothing_to_learn():
    logits_B1 = torch.randn(3, 1, dtype=torch.float64, requires_grad=True)
    loss = smoothed_loss(logits_B1, plain(torch.zeros(3, dtype=torch.int64)), 0.1)
    loss.backward()
    assert loss.item() == 0 and not logits_B1.grad.any()
