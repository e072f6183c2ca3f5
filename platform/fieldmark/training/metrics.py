"""How well scores name the true category, with expected credit where scores are tied."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

FLOOR = 1e-12
"""Smallest probability that log-loss tells from zero."""

TOP = (1, 3, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Where the true category came among the scores of N labelled records.

    Tied categories share their positions: the true one is thought to stand at each of them with equal chance, and
    every figure is the expectation. So no figure depends on how a sort leaves ties.
    """

    num_categories: int
    greater_N: NDArray[np.int32]
    """Categories with a greater score than the true one."""
    equal_N: NDArray[np.int32]
    """Categories with the true one's score, itself among them (at least 1)."""
    probability_N: NDArray[np.float32]
    """The true category's share of the row's sum."""

    def __len__(self) -> int:
        return len(self.greater_N)

    @property
    def rank_N(self) -> NDArray[np.float32]:
        """Expected rank of the true category, from 1."""
        return (1 + self.greater_N + (self.equal_N - 1) / 2).astype(np.float32)

    def hit_N(self, k: int) -> NDArray[np.float32]:
        """Returns the chance, in [0, 1], that the true category is among the first k."""
        return np.clip((k - self.greater_N) / self.equal_N, 0, 1).astype(np.float32)

    @property
    def reciprocal_N(self) -> NDArray[np.float64]:
        """Expected 1 / rank of the true category."""
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, self.num_categories + 1))])
        total_N: NDArray[np.float64] = harmonic[self.greater_N + self.equal_N] - harmonic[self.greater_N]
        return total_N / self.equal_N

    def metrics(self) -> dict[str, float]:
        """Returns top1, top3, top5, top10 and mrr as fractions and log_loss in nats; NaN without records."""
        if not len(self):
            return dict.fromkeys([*(f"top{k}" for k in TOP), "mrr", "log_loss"], float("nan"))
        figures = {f"top{k}": float(self.hit_N(k).mean(dtype=np.float64)) for k in TOP}
        figures["mrr"] = float(self.reciprocal_N.mean())
        figures["log_loss"] = float(-np.log(np.maximum(self.probability_N.astype(np.float64), FLOOR)).mean())
        return figures

    @classmethod
    def join(cls, chunks: Sequence[Self]) -> Self:
        """Returns the records of all chunks, in order; at least one chunk is needed."""
        return cls(
            num_categories=chunks[0].num_categories,
            greater_N=np.concatenate([chunk.greater_N for chunk in chunks]),
            equal_N=np.concatenate([chunk.equal_N for chunk in chunks]),
            probability_N=np.concatenate([chunk.probability_N for chunk in chunks]),
        )


def metrics(scores_NC: NDArray[np.floating], category_N: NDArray[np.int32]) -> Scored:
    """Compares scores with the true categories.

    Args:
        scores_NC: Scores that are not negative; they need not sum to 1.
        category_N: True categories; records with -1 are left out.

    Returns:
        One entry for each labelled record, in order.

    Raises:
        FloatingPointError: A score is NaN or infinite.
    """
    num_categories = scores_NC.shape[1]
    labelled = np.flatnonzero(category_N >= 0)
    rows = chunk_rows(num_categories)
    starts = range(0, max(len(labelled), 1), rows)
    return Scored.join([_score(scores_NC, labelled[start : start + rows], category_N) for start in starts])


def _score(scores_NC: NDArray[np.floating], rows: NDArray[np.int64], category_N: NDArray[np.int32]) -> Scored:
    chunk_NC = scores_NC if len(rows) == len(scores_NC) else scores_NC[rows]
    true_N1 = np.take_along_axis(chunk_NC, category_N[rows, None], axis=1)
    total_N = chunk_NC.sum(axis=1, dtype=np.float64)
    if not np.isfinite(total_N).all():
        raise FloatingPointError("scores are not finite: the method that gave them has diverged")
    # A row of zeros says nothing: every category is tied, each with the same share.
    share_N = np.divide(true_N1[:, 0], total_N, out=np.full(len(rows), 1 / chunk_NC.shape[1]), where=total_N > 0)
    return Scored(
        num_categories=chunk_NC.shape[1],
        greater_N=np.count_nonzero(chunk_NC > true_N1, axis=1).astype(np.int32),
        equal_N=np.count_nonzero(chunk_NC == true_N1, axis=1).astype(np.int32),
        probability_N=share_N.astype(np.float32),
    )


def chunk_rows(num_categories: int) -> int:
    """Returns how many records to score at once: at most 2,048, fewer where there are many categories."""
    return max(64, min(2048, 16_000_000 // num_categories))
