"""What was made last, kept for who asks again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


def _one(_: object) -> int:
    return 1


class Kept(Generic[T]):
    """Things by key, up to a weight; the one that nobody asked for the longest is let go first.

    The last one stays however heavy it is.
    """

    def __init__(self, most: int, weigh: Callable[[T], int] = _one) -> None:
        """Takes the most that all weigh together; by default how many there are, at least one."""
        self._most = most
        self._weigh = weigh
        self._things: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Returns the thing of a key, made now if need be."""
        if key not in self._things:
            while (
                self._things and self._weight >= self._most
            ):  # first, so that both are never held where one is too much
                self._things.popitem(last=False)
            self._things[key] = make()
            while len(self._things) > 1 and self._weight > self._most:
                self._things.popitem(last=False)
        self._things.move_to_end(key)
        return self._things[key]

    @property
    def _weight(self) -> int:
        return sum(map(self._weigh, self._things.values()))
