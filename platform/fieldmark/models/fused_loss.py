"""The exact presence loss in one pass over chunks of rows, gradients included.

Autograd's version holds several (2B, C) matrices and takes two logarithms and their gradients over all of them. Here
a block of rows small enough for the cache is multiplied out, turned in place into the gradient with respect to its
logits, and multiplied back, so only gradients of the size of the inputs leave the loop. Two identities save passes:

* with p = sigmoid(z) and q = 1 - p + eps, the derivative of l(1 - p) by z is p (1 - p) / q = p - eps p / q;
* the sum of l(1 - p) over a row is minus the log of the product of its q; products of four, at least 1e-20 each,
  are safe in float32 and need a quarter of the logarithms.

The results equal `presence_loss` up to rounding.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from fieldmark.models.presence_loss import EPSILON

CHUNK_ELEMENTS = 2**20
"""Logits held at once: two float32 buffers of 4 MiB; half or twice as many cost a step about 2 % more."""


def fused_presence_loss(
    features_BW: Tensor,
    background_RW: Tensor,
    class_emb_CW: Tensor,
    category_B: Tensor,
    positive_weight: float,
    *,
    chunk_elements: int = CHUNK_ELEMENTS,
) -> Tensor:
    """Returns what `presence_loss` returns, differentiable once.

    Args:
        features_BW: encoder output of the observations.
        background_RW: encoder output of the background points.
        class_emb_CW: the category vectors O.
        category_B: int64 categories of the observations.
        positive_weight: lambda, the weight of an observation's own category.
        chunk_elements: logits held at once; changes memory and speed only.
    """
    rows = max(1, chunk_elements // len(class_emb_CW))
    result: Tensor = _Fused.apply(features_BW, background_RW, class_emb_CW, category_B, positive_weight, rows)
    return result


def fused_object_term(
    features_BW: Tensor,
    class_emb_CW: Tensor,
    category_B: Tensor,
    positive_weight: float,
    *,
    chunk_elements: int = CHUNK_ELEMENTS,
) -> Tensor:
    """Returns what `object_term` returns: the loss without its background points."""
    nothing_0W = features_BW.new_empty((0, features_BW.shape[1]))
    return fused_presence_loss(
        features_BW, nothing_0W, class_emb_CW, category_B, positive_weight, chunk_elements=chunk_elements
    )


class _Fused(torch.autograd.Function):
    """Computes value and gradients together; backward only scales them."""

    @staticmethod
    def forward(
        ctx: Any,
        features_BW: Tensor,
        background_RW: Tensor,
        class_emb_CW: Tensor,
        category_B: Tensor,
        positive_weight: float,
        chunk: int,
    ) -> Tensor:
        loss = class_emb_CW.new_zeros(())
        grad_class_CW = torch.zeros_like(class_emb_CW)
        grads = []
        size = (min(chunk, max(len(features_BW), len(background_RW))), len(class_emb_CW))
        logits, scratch = class_emb_CW.new_empty(size), class_emb_CW.new_empty(size)
        for rows_RW, target_R in ((features_BW, category_B), (background_RW, None)):
            grad_rows_RW = torch.empty_like(rows_RW)
            share = 1 / max(1, len(rows_RW) * len(class_emb_CW))  # both terms are means; BLAS scales at no cost
            for start in range(0, len(rows_RW), chunk):
                here = slice(start, start + chunk)
                block_rW, block_grad_rW = rows_RW[here], grad_rows_RW[here]
                target_r = None if target_R is None else target_R[here]
                logits_rC = torch.mm(block_rW, class_emb_CW.T, out=logits[: len(block_rW)])
                loss += share * _loss_and_gradient(logits_rC, scratch[: len(block_rW)], target_r, positive_weight)
                torch.addmm(block_grad_rW, logits_rC, class_emb_CW, beta=0, alpha=share, out=block_grad_rW)
                grad_class_CW.addmm_(logits_rC.T, block_rW, alpha=share)
            grads.append(grad_rows_RW)
        ctx.save_for_backward(*grads, grad_class_CW)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (*(grad * saved for saved in ctx.saved_tensors), None, None, None)


def _loss_and_gradient(
    logits_rC: Tensor, scratch_rC: Tensor, target_r: Tensor | None, positive_weight: float
) -> Tensor:
    """Returns the summed loss of a block of rows and leaves its derivative in the place of the logits."""
    p_rC = logits_rC.sigmoid_()
    own_r = None if target_r is None else p_rC.gather(1, target_r[:, None])
    q_rC = torch.sub(torch.ones_like(p_rC[0, 0]), p_rC, out=scratch_rC).add_(EPSILON)
    gradient_rC = p_rC.addcdiv_(p_rC, q_rC, value=-EPSILON)
    if target_r is None or own_r is None:
        return -_sum_of_logs(q_rC)
    gradient_rC.scatter_(1, target_r[:, None], -positive_weight * own_r * (1 - own_r) / (own_r + EPSILON))
    q_rC.scatter_(1, target_r[:, None], 1.0)  # the own category is no absence: it adds log 1 = 0
    return -_sum_of_logs(q_rC) - positive_weight * torch.log(own_r + EPSILON).sum()


def _sum_of_logs(q_rC: Tensor) -> Tensor:
    """Returns the sum of log q over all elements, of which it spoils some; q is in [EPSILON, 1 + EPSILON]."""
    quarter = q_rC.shape[1] // 4
    product_rQ = q_rC[:, :quarter]
    for i in (1, 2, 3):
        product_rQ.mul_(q_rC[:, i * quarter : (i + 1) * quarter])
    return product_rQ.log_().sum() + q_rC[:, 4 * quarter :].log().sum()
