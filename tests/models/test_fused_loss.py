"""The fused loss is the plain one: values and gradients over shapes, weights and chunk sizes."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldmark.models.fused_loss import fused_presence_loss
from fieldmark.models.presence_loss import presence_loss


def draw(seed, batch, background, categories, width, spread, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(batch, width), (background, width), (categories, width)]
    tensors = [(torch.randn(s, generator=generator, dtype=dtype) * spread).requires_grad_() for s in shapes]
    return (*tensors, torch.randint(categories, (batch,), generator=generator))


def value_and_gradients(loss, f, r, o, y, weight, **extra):
    value = loss(f, r, o, y, weight, **extra)
    return value, torch.autograd.grad(3.0 * value, [f, r, o])


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    batch=st.integers(1, 17),
    background=st.integers(1, 17),
    categories=st.integers(1, 23),
    width=st.integers(1, 9),
    spread=st.sampled_from([0.1, 1.0, 5.0]),
    weight=st.sampled_from([1.0, 23.0, 2048.0]),
    chunk_elements=st.integers(1, 500),
)
def test_equals_the_plain_loss(seed, batch, background, categories, width, spread, weight, chunk_elements):
    tensors = draw(seed, batch, background, categories, width, spread)
    value, gradients = value_and_gradients(fused_presence_loss, *tensors, weight, chunk_elements=chunk_elements)
    expected, expected_gradients = value_and_gradients(presence_loss, *tensors, weight)
    torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-9)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-9, atol=1e-9)


def test_saturated_logits_stay_finite_in_float32():
    """Products of four guarded factors must not underflow when every presence is certain."""
    f, r, o, y = draw(0, 64, 64, 101, 8, 30.0, torch.float32)
    value, gradients = value_and_gradients(fused_presence_loss, f, r, o, y, 101.0)
    expected, _ = value_and_gradients(presence_loss, f, r, o, y, 101.0)
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=0)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_float32_gradients_are_as_near_to_float64_as_the_plain_ones():
    f, r, o, y = draw(1, 64, 64, 101, 32, 0.5, torch.float32)
    exact = value_and_gradients(presence_loss, f.double(), r.double(), o.double(), y, 101.0)[1]
    for got, plain, true in zip(
        value_and_gradients(fused_presence_loss, f, r, o, y, 101.0)[1],
        value_and_gradients(presence_loss, f, r, o, y, 101.0)[1],
        exact,
        strict=True,
    ):
        assert (got - true).norm() <= 1.5 * (plain - true).norm()


def test_the_inputs_are_left_as_they_were():
    tensors = draw(2, 9, 5, 7, 4, 1.0)
    before = [t.detach().clone() for t in tensors]
    value_and_gradients(fused_presence_loss, *tensors, 7.0)
    assert all(torch.equal(t, b) for t, b in zip(tensors, before, strict=True))
