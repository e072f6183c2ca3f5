"""The best of k trials: its expected value in closed form, and how sure that is."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 1000
LEVEL = 0.95


def expected_best(tune_N: Floats, test_N: Floats) -> Floats:
    """Returns the expected test value of the best on tune of k trials drawn without replacement, for k from 1 to N.

    With trials ranked upwards by tune, the i-th is the best of k in C(i - 1, k - 1) of the C(N, k) draws. Trials that
    are level on tune are chosen equally often, and so all count with their mean on test.

    Args:
        tune_N: what selects; -inf for a trial that was stopped early: it costs a draw and is never chosen.
        test_N: what is reported, for finite `tune_N`; ignored elsewhere.

    Returns:
        (N); draws of stopped trials alone have no best and are left out, NaN where there are no others.
    """
    order_N = np.argsort(tune_N, kind="stable")
    value_N = _level(tune_N[order_N], np.where(np.isfinite(tune_N), test_N, 0.0)[order_N])
    weight_KN = _weights(len(tune_N)) * np.isfinite(tune_N[order_N])
    chosen_K = weight_KN.sum(axis=1)
    with np.errstate(invalid="ignore"):
        found: Floats = np.where(chosen_K > 0, weight_KN @ value_N / np.where(chosen_K > 0, chosen_K, 1.0), np.nan)
    return found


@lru_cache(maxsize=8)
def _weights(count: int) -> Floats:
    """Returns (K, N), K = N: the share of draws of k in which the i-th of N in ascending order is the highest.

    The array is kept: nobody may write to it.
    """
    from scipy.special import gammaln

    def log_choose(n: Floats, k: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            found: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(np.where(n >= k, n - k, 0) + 1)
        return np.where(n >= k, found, -np.inf)

    rank_N = np.arange(1, count + 1, dtype=np.float64)[None]
    k_K = np.arange(1, count + 1, dtype=np.float64)[:, None]
    weight_KN: Floats = np.exp(log_choose(rank_N - 1, k_K - 1) - log_choose(np.full_like(k_K, count), k_K))
    return weight_KN


def _level(tune_N: Floats, test_N: Floats) -> Floats:
    """Returns the test values, those of equal tune values replaced by their mean."""
    _, group_N = np.unique(tune_N, return_inverse=True)
    found: Floats = (np.bincount(group_N, test_N) / np.bincount(group_N))[group_N]
    return found


def band(tune_N: Floats, test_N: Floats, *, resamples: int = RESAMPLES, seed: int = 0) -> tuple[Floats, Floats]:
    """Returns the ends of the 95 % bootstrap interval of `expected_best` over trials, each (N).

    Args:
        tune_N: as for `expected_best`.
        test_N: as for `expected_best`.
        resamples: of the trials, with replacement.
        seed: of the draws.
    """
    draws = np.random.default_rng(seed).integers(len(tune_N), size=(resamples, len(tune_N)))
    found_RK = np.stack([expected_best(tune_N[draw], test_N[draw]) for draw in draws])
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    missing_K = np.isnan(found_RK).all(axis=0)
    low_K, high_K = np.nanquantile(np.where(missing_K, 0.0, found_RK), ends, axis=0)
    return np.where(missing_K, np.nan, low_K), np.where(missing_K, np.nan, high_K)
