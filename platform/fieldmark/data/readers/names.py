"""Column names as found in the wild."""

import difflib
from collections.abc import Sequence

from fieldmark.errors import UserError

NAMES: dict[str, tuple[str, ...]] = {
    "label": ("species", "scientificName", "label", "scientific_name", "category", "class", "taxon"),
    "latitude": ("lat", "latitude", "decimalLatitude"),
    "longitude": ("lon", "lng", "long", "longitude", "decimalLongitude"),
    "date": ("date", "eventDate", "observed_on"),
    "observer": ("observer", "recordedBy", "user_id"),
    "id": ("observation_id", "image_id", "photo_id", "occurrenceID", "gbifID", "id", "uuid"),
    "image": ("image", "image_path", "file", "file_name"),
    "split": ("split",),
}
"""Field to the names it goes by; an earlier name wins. Case and underscores do not matter."""

PLACE = ("latitude", "longitude")
REQUIRED = ("label", *PLACE)
REQUIRED_WITH_IMAGES = ("label",)
"""Where pictures are given, a place is one more thing to learn from, not the only one."""


def match(header: Sequence[str], file: str, required: Sequence[str] = REQUIRED) -> dict[str, int]:
    """Returns field to the position of its column.

    Raises:
        UserError: if a required field has no column; it lists what was looked for and what was found.
    """
    positions = {_plain(name): position for position, name in reversed(list(enumerate(header)))}
    found: dict[str, int] = {}
    for field, names in NAMES.items():
        known = [positions[_plain(name)] for name in names if _plain(name) in positions]
        if known:
            found[field] = known[0]
    missing = [field for field in required if field not in found]
    if missing:
        raise UserError(_lacking(missing, header, file))
    return found


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "").replace(" ", "")


def _lacking(missing: Sequence[str], header: Sequence[str], file: str) -> str:
    looked = "; ".join(f"{field} ({', '.join(NAMES[field])})" for field in missing)
    shown = ", ".join(_printable(name) for name in header[:20]) + (", ..." if len(header) > 20 else "")
    close = [hit for field in missing for hit in _close(field, header)]
    hint = f". Did you mean {', '.join(close)}?" if close else ""
    return f"{file}: no column for {looked}; found {shown}{hint}"


def _close(field: str, header: Sequence[str]) -> list[str]:
    plain = {_plain(name): name for name in header}
    hits = [difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.75) for name in NAMES[field]]
    return [plain[hit[0]] for hit in hits if hit][:1]


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:30]) or "''"
