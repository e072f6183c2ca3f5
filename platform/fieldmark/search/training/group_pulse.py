"""Signs of life of a group of workers, and its end where there are none."""

from collections.abc import Callable

from fieldmark.search.executors.ending import end_process
from fieldmark.search.executors.pulse import Pulse

GROUP = "group"
"""Name of all workers together: where one hangs, the others soon wait for it."""


class GroupPulse:
    """Hears what workers say, and ends them where they say nothing for too long; Ray Train starts a new group then."""

    def __init__(self, patience: float, say: Callable[[str], None]) -> None:
        """Takes the seconds of silence after which a group counts as hung, and who shows a line."""
        self._pulse = Pulse(patience)
        self._say = say
        self._places: dict[int, tuple[str, int]] = {}
        """Of the workers' processes, by rank: Ray's id of the node, and the process's id there."""
        self.signs = 0
        """Messages so far."""

    def hear(self) -> None:
        """Takes that there was a message."""
        self.signs += 1
        self._pulse.hear(GROUP, self.signs)

    def met(self, rank: int, place: tuple[str, int]) -> None:
        """Takes where a worker is."""
        self._places[rank] = place

    def end_hung(self) -> None:
        """Ends all workers where none gives a sign of life."""
        if self._pulse.hung:
            self._pulse.forget(GROUP)
            self._say(f"{self._pulse.silence}: the workers are ended, training starts again from its checkpoint")
            for place in self._places.values():
                end_process(*place)
