"""Numbers footnotes in the order in which rows ask for them."""


class Footnotes:
    """Texts to numbers, from 1; the same text has one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, *texts: str) -> tuple[int, ...]:
        """Returns the numbers of these texts."""
        return tuple(self._numbers.setdefault(text, len(self._numbers) + 1) for text in texts)

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts, in the order of their numbers."""
        return tuple(self._numbers)
