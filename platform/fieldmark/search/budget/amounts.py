"""What `--budget` says: amounts of different things, of which the first that is used up counts."""

import re
from dataclasses import dataclass
from typing import Literal

from fieldmark.config.quantities import BYTES, parse_duration, parse_size
from fieldmark.errors import UserError

Kind = Literal["seconds", "gpu_hours", "cpu_hours", "money", "bytes"]

NO_CURRENCIES = ("cpu", "gpu", "min", "sec", "hrs")
EXPECTED = (
    "expected amounts with units, joined by commas: a time (90s, 30m, 8h, 2d), GPU-hours (200gpuh), CPU-hours "
    "(500cpuh), money (150usd, with --prices) or bytes in the store (20GB)"
)


@dataclass(frozen=True, kw_only=True)
class Amount:
    """So much of one thing."""

    kind: Kind
    value: float
    """Positive; in seconds, hours, the currency or bytes."""
    text: str
    """As typed."""
    currency: str = ""
    """Of money: three capital letters."""


def parse_budget(text: str) -> tuple[Amount, ...]:
    """Returns the amounts of e.g. ``30m`` or ``8h,200gpuh,150usd,20GB``.

    Raises:
        UserError: for anything else, and for two amounts of one thing.
    """
    amounts = tuple(_parse(part.strip()) for part in text.split(","))
    kinds = [amount.kind for amount in amounts]
    twice = next((amount for k, amount in enumerate(amounts) if amount.kind in kinds[:k]), None)
    if twice is not None:
        raise UserError(f"--budget {text!r}: {twice.text} is a second limit of the same thing")
    return amounts


def _parse(text: str) -> Amount:
    found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([a-z]*)", text.lower())
    if found is None or float(found[1]) <= 0:
        raise UserError(f"--budget {text!r}: {EXPECTED}")
    value, unit = float(found[1]), found[2]
    if unit in ("", "s", "m", "h", "d"):
        return Amount(kind="seconds", value=parse_duration(f"{found[1]}{unit}"), text=text)
    if unit in ("gpuh", "cpuh"):
        return Amount(kind="gpu_hours" if unit == "gpuh" else "cpu_hours", value=value, text=text)
    if unit in BYTES:
        return Amount(kind="bytes", value=parse_size(text, "--budget"), text=text)
    if len(unit) == 3 and unit not in NO_CURRENCIES:
        return Amount(kind="money", value=value, text=text, currency=unit.upper())
    raise UserError(f"--budget {text!r}: {EXPECTED}")
