"""How a value becomes an id: canonical JSON, then a hash."""

import hashlib
import json
from typing import Any

DIGEST_HEX = 32  # 128 bits: no accidental collision in any store that fits on earth


def canonical_json(value: Any) -> str:
    """Returns JSON with sorted keys and no spaces, the same text on every machine.

    Raises:
        ValueError: for NaN and infinities, which JSON does not have.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """Returns the first 32 hexadecimal digits of the SHA-256 of the value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:DIGEST_HEX]
