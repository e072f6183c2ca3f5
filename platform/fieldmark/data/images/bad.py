"""Why a picture cannot be used."""

MAX_PIXELS = 178_956_970
"""Pictures of more pixels are refused from their header (PIL's own limit: half a gigabyte of RGB)."""

EMPTY, TRUNCATED, FOREIGN, MISSING = "empty file", "truncated", "not an image", "missing"
TOO_LARGE, UNREADABLE = "too large", "unreadable"


class BadImage(Exception):
    """A picture that cannot be used; its text is one of the short reasons above."""

    @property
    def reason(self) -> str:
        """Why, e.g. `truncated`."""
        return str(self)


def check_size(width: int, height: int) -> None:
    """Refuses what would not fit into memory.

    Raises:
        BadImage: `too large (W x H pixels)`.
    """
    if width * height > MAX_PIXELS:
        raise BadImage(f"{TOO_LARGE} ({width} x {height} pixels)")
