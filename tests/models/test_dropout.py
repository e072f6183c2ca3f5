"""The quick dropout is dropout."""

import numpy as np
import pytest
import torch

from fieldmark.models.dropout import Dropout


@pytest.mark.parametrize("share", [0.5, 0.1, 0.9, 1 / 3])
def test_the_share_the_scale_and_the_independence(share):
    torch.manual_seed(0)
    n = 200_000
    out = Dropout(share)(torch.ones(n // 8, 8))
    kept = (out != 0).double()
    assert out.unique().tolist() == pytest.approx([0, 1 / (1 - share)], rel=1e-4)
    error = np.sqrt(share * (1 - share) / n)
    assert kept.mean().item() == pytest.approx(1 - share, abs=4 * error)
    assert out.double().mean().item() == pytest.approx(1, abs=4 * error / (1 - share))
    columns = kept.T - kept.mean()
    correlation = (columns @ columns.T) / (len(kept) * share * (1 - share))
    assert (correlation - torch.eye(8)).abs().max() < 5 / np.sqrt(len(kept))
    ahead = (kept.flatten()[:-8] - kept.mean()) * (kept.flatten()[8:] - kept.mean())  # two machine words on
    assert abs(ahead.mean().item()) < 5 * share * (1 - share) / np.sqrt(n)


def test_the_gradient_passes_where_the_value_did():
    x = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    out = Dropout(0.5)(x)
    out.sum().backward()
    torch.testing.assert_close(x.grad * x, out)


def test_evaluation_and_a_share_of_zero_change_nothing():
    x = torch.randn(5)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)


def test_the_generator_decides():
    torch.manual_seed(1)
    first = Dropout(0.5)(torch.ones(99))
    torch.manual_seed(1)
    assert torch.equal(Dropout(0.5)(torch.ones(99)), first)
    assert not torch.equal(Dropout(0.5)(torch.ones(99)), first)
