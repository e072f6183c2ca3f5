"""Text in a column's width: folded between words, after hyphens where it must be, and never inside a number."""

import re
from collections.abc import Iterable, Iterator

_HYPHEN = re.compile(r"(?<=\w-)(?=[^\W\d])|(?<=[^\W\d]{2}-)(?=\d\d)")
"""After the hyphens of YFCC100M-GEO100 and Res2Net-101, but not after those of 5e-4 and top-1."""


def fold(text: str, width: int) -> list[str]:
    """Returns the lines of a text; a piece that is wider than the width stays whole."""
    lines = [""]
    for piece, gap in _pieces(text, width):
        if lines[-1] and len(lines[-1]) + len(gap) + len(piece) > width:
            lines.append(piece)
        else:
            lines[-1] += (gap if lines[-1] else "") + piece
    return lines


def longest_word(texts: Iterable[str]) -> int:
    """Returns the width that texts need when they are folded between words."""
    return max((len(word) for text in texts for word in text.split()), default=0)


def longest_piece(texts: Iterable[str]) -> int:
    """Returns the width that texts need when they are folded after hyphens, too."""
    pieces = (piece for text in texts for word in text.split() for piece in _HYPHEN.split(word))
    return max(map(len, pieces), default=0)


def _pieces(text: str, width: int) -> Iterator[tuple[str, str]]:
    """Yields what may start a line, each with what stands before it on the same line."""
    for word in text.split():
        first, *more = [word] if len(word) <= width else _HYPHEN.split(word)
        yield first, " "
        yield from ((piece, "") for piece in more)
