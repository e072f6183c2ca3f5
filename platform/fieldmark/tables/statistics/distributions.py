"""Tails of Student's t, F and the binomial, all from one function.

scipy has them too, but importing it takes longer than joining a table with a million runs.
"""

import math

TINY = 1e-300
PRECISION = 1e-14
STEPS = 100_000


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Returns the regularised incomplete beta function I_x(a, b) for a, b > 0 and x in [0, 1]."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side only
        return 1 - incomplete_beta(b, a, 1 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluates the continued fraction of I_x(a, b) from its head (Lentz's method, modified)."""
    value, upper, lower = 1.0, 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = lower
    for m in range(1, STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            lower = 1 / _not_zero(1 + term * lower)
            upper = _not_zero(1 + term / upper)
            change = upper * lower
            value *= change
        if abs(change - 1) < PRECISION:
            return value
    raise ArithmeticError(f"incomplete beta did not converge for a={a}, b={b}, x={x}")


def _not_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY


def binomial_tail(successes: int, trials: int) -> float:
    """Returns P(X >= successes) for X binomial with chance one half."""
    return 1.0 if successes == 0 else incomplete_beta(successes, trials - successes + 1, 0.5)


def f_tail(f: float, numerator: int, denominator: int) -> float:
    """Returns the chance of an F at least as large."""
    return incomplete_beta(denominator / 2, numerator / 2, denominator / (denominator + numerator * f))


def student_tail(t: float, freedom: int) -> float:
    """Returns the chance of a Student's t above t, which is at least 0."""
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2


def student_quantile(share: float, freedom: int) -> float:
    """Returns Student's t below which this share, at least one half, of the distribution lies."""
    low, high = 0.0, 1.0
    while student_tail(high, freedom) > 1 - share:
        low, high = high, 2 * high
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_tail(middle, freedom) > 1 - share else (low, middle)
    return high
