"""Amounts as people type them: times and sizes with a unit."""

import re

from fieldmark.errors import UserError

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {f"{sign}b": 1000**power for power, sign in enumerate(("", "k", "m", "g", "t"))}
BYTES |= {f"{sign}ib": 1024**power for power, sign in enumerate(("", "k", "m", "g", "t")) if sign}

"""Units of sizes, in small letters."""


def parse_duration(text: str, flag: str = "--budget") -> float:
    """Returns the seconds of e.g. ``90``, ``90s``, ``30m``, ``1.5h`` or ``2d``.

    Raises:
        UserError: for anything else; it names the flag.
    """
    found = re.fullmatch(r"(\d+(?:\.\d*)?)([smhd]?)", text.strip())
    if found is None or float(found[1]) <= 0:
        raise UserError(f"{flag} {text!r}: expected a time such as 900, 90s, 30m, 1.5h or 2d")
    return float(found[1]) * _SECONDS[found[2]]


def parse_size(text: str, flag: str) -> int:
    """Returns the bytes of e.g. ``500MB``, ``20GB``, ``1.5TB`` or ``4GiB``; a unit of one million bytes is MB.

    Raises:
        UserError: for anything else; it names the flag.
    """
    found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([kmgt]?i?b)", text.strip().lower())
    if found is None or found[2] not in BYTES or float(found[1]) <= 0:
        raise UserError(f"{flag} {text!r}: expected a size such as 500MB, 20GB or 4GiB")
    return int(float(found[1]) * BYTES[found[2]])
