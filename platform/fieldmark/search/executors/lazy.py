"""An executor that is made when the first unit comes: a sweep with nothing left to do starts neither torch nor Ray."""

from collections.abc import Callable, Mapping

from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.bench import Unit
from fieldmark.search.tasks import Outcome


class LazyExecutor:
    """Stands for an executor until it is needed."""

    def __init__(self, make: Callable[[], Executor]) -> None:
        """Takes the maker, which is called at most once."""
        self._make = make
        self._executor: Executor | None = None

    @property
    def capacity(self) -> int:
        """One until the executor is there."""
        return 1 if self._executor is None else self._executor.capacity

    def start(self, unit: Unit) -> None:
        """Makes the executor if need be, and starts the unit on it."""
        if self._executor is None:
            self._executor = self._make()
        self._executor.start(unit)

    def poll(self, timeout: float) -> list[Outcome]:
        """Returns what has ended."""
        return [] if self._executor is None else self._executor.poll(timeout)

    def epochs(self) -> Mapping[str, int]:
        """Returns how far the units under way are."""
        return {} if self._executor is None else self._executor.epochs()

    def stop(self) -> None:
        """Stops the executor, if there ever was one."""
        if self._executor is not None:
            self._executor.stop()
