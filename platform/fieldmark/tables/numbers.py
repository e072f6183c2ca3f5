"""How numbers are written in tables."""

from typing import Any

from fieldmark.tables.statistics import Difference, Summary

EMPTY = "–"
WIDE = 0.005
"""A standard error, as a fraction, beyond which a second decimal says nothing."""


def percent(summary: Summary | None) -> str:
    """Returns mean ± standard deviation of a fraction in percent; the mean alone for one seed."""
    if summary is None:
        return EMPTY
    mean = f"{100 * summary.mean:.2f}"
    return mean if summary.std is None else f"{mean} ± {100 * summary.std:.2f}"


def plain(summary: Summary | None, digits: int = 3) -> str:
    """Returns mean ± standard deviation as they are."""
    if summary is None:
        return EMPTY
    mean = f"{summary.mean:.{digits}f}"
    return mean if summary.std is None else f"{mean} ± {summary.std:.{digits}f}"


def points(difference: Difference | None) -> str:
    """Returns a difference of fractions in points with its interval, e.g. `+4.12 [3.60, 4.65]`."""
    if difference is None:
        return EMPTY
    digits = 2 if difference.error < WIDE else 1
    value, low, high = (f"{100 * part:.{digits}f}" for part in (difference.value, difference.low, difference.high))
    return f"{'+' if difference.value > 0 else ''}{value} [{low}, {high}]"


def nats(difference: Difference | None) -> str:
    """Returns a difference in log-loss with its interval, e.g. `-0.120 [-0.151, -0.090]`."""
    if difference is None:
        return EMPTY
    return f"{difference.value:+.3f} [{difference.low:.3f}, {difference.high:.3f}]"


def share(value: float | None) -> str:
    """Returns a share in whole percent."""
    return EMPTY if value is None else f"{100 * value:.0f} %"


def count(value: int | None) -> str:
    """Returns a count of parameters or multiply-adds in thousands, millions or billions."""
    if value is None:
        return EMPTY
    if value >= 1_000_000_000:
        return f"{value / 1e9:.2f} G"
    return f"{value / 1e6:.2f} M" if value >= 1_000_000 else f"{value / 1e3:.0f} k"


def printed_count(value: float | None) -> str:
    """Returns a count as papers print it, with one decimal: `47.4 M`, `4.1 G`."""
    if value is None:
        return EMPTY
    return f"{value / 1e9:.1f} G" if value >= 1_000_000_000 else f"{value / 1e6:.1f} M"


def seconds(value: float | None) -> str:
    """Returns a time."""
    if value is None:
        return EMPTY
    return f"{value:.1f} s" if value < 100 else f"{value / 60:.0f} min"


def setting(value: Any) -> str:
    """Returns a key's value as a paper prints it: `5e-4`, `yes`, `256, 288`."""
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(setting(part) for part in value)
    if isinstance(value, float):
        return _rate(value)
    return str(value)


def _rate(value: float) -> str:
    text = f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.1e}"
    return text.replace("e-0", "e-").replace(".0e", "e")
