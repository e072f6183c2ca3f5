"""Sends units to one of two executors: those of one process to the one, those of several workers to the other."""

from collections import deque
from collections.abc import Callable, Mapping

from fieldmark.config import FrozenConfig
from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.bench import Unit
from fieldmark.search.executors.held import Held, held_by
from fieldmark.search.image_task import ImageTask
from fieldmark.search.tasks import Outcome

Make = Callable[[], Executor]


def wants_group(unit: Unit) -> bool:
    """Whether a unit is trained by several workers; on features that are cached, one process is quicker."""
    several = isinstance(unit, ImageTask) and unit.workers > 1
    return several and not isinstance(unit.task.spec.config, FrozenConfig)


class RoutedExecutor:
    """Two executors, of which one at a time is there.

    Neither knows which CPUs the other has, and actors that wait for their next unit hold theirs. So a unit of the other
    kind waits until all that is under way has ended; then the executor that is there is stopped, which leaves Ray, and
    the other one is made. Nothing waits for ever: whoever waits for the other kind adds to the capacity, so that more
    of the present kind may be started meanwhile, but once nothing is under way those who wait are next.
    """

    def __init__(self, alone: Make, groups: Make) -> None:
        """Takes the makers of the executors; each is called when it is needed, perhaps more than once.

        Args:
            alone: of the one for units of one process.
            groups: of the one for units of several workers.
        """
        self._makers = {False: alone, True: groups}
        self._present: Executor | None = None
        self._is_groups = False
        self._under_way: set[str] = set()
        self._waiting: deque[Unit] = deque()

    @property
    def capacity(self) -> int:
        """That of the executor that is there, and all that wait for the other."""
        return (1 if self._present is None else self._present.capacity) + len(self._waiting)

    def start(self, unit: Unit) -> None:
        """Starts a unit, now or once the other kind is done."""
        if self._present is None:
            self._become(wants_group(unit))
        if wants_group(unit) == self._is_groups:
            self._begin(unit)
        else:
            self._waiting.append(unit)

    def poll(self, timeout: float) -> list[Outcome]:
        """Returns what has ended; changes the executor where nothing of its kind is left."""
        if not self._under_way and self._waiting:
            self._become(not self._is_groups)
        if self._present is None:
            return []
        self._fill()
        ended = self._present.poll(timeout)
        self._under_way.difference_update(outcome.run_id for outcome in ended)
        return ended

    def holds(self, unit: Unit) -> Held:
        """Returns the CPUs and GPUs that a unit has; none while it waits."""
        if self._present is None or unit in self._waiting:
            return 0.0, 0.0
        return held_by(self._present, unit)

    @property
    def waiting(self) -> set[str]:
        """Units that have not begun: they wait for the other executor, or in the one that is there."""
        return {*(unit.run_id for unit in self._waiting), *getattr(self._present, "waiting", ())}

    def epochs(self) -> Mapping[str, int]:
        """Returns how far the units under way are."""
        return {} if self._present is None else self._present.epochs()

    def stop(self) -> None:
        """Stops the executor that is there; checkpoints stay."""
        self._waiting.clear()
        if self._present is not None:
            self._present.stop()

    def _become(self, groups: bool) -> None:
        if self._present is not None:
            self._present.stop()
        self._present = None  # making the other may fail
        self._present = self._makers[groups]()
        self._is_groups = groups

    def _fill(self) -> None:
        """Starts units that have waited for the executor that is there, as far as it has room."""
        assert self._present is not None
        for unit in [one for one in self._waiting if wants_group(one) == self._is_groups]:
            if len(self._under_way) < self._present.capacity:
                self._waiting.remove(unit)
                self._begin(unit)

    def _begin(self, unit: Unit) -> None:
        assert self._present is not None
        self._under_way.add(unit.run_id)
        self._present.start(unit)
