"""An executor whose units are metered."""

from collections.abc import Collection, Mapping

from fieldmark.search.budget.meter import Meter
from fieldmark.search.executors.base import Executor
from fieldmark.search.executors.bench import Unit
from fieldmark.search.executors.held import held_by
from fieldmark.search.tasks import Outcome


class MeteredExecutor:
    """Passes everything on to an executor, and tells a meter what starts and ends."""

    def __init__(self, executor: Executor, meter: Meter) -> None:
        """Takes both."""
        self._executor = executor
        self._meter = meter
        self._not_begun: dict[str, Unit] = {}
        self._waited: set[str] = set()

    @property
    def capacity(self) -> int:
        """That of the executor."""
        return self._executor.capacity

    def start(self, unit: Unit) -> None:
        """Starts the unit."""
        self._executor.start(unit)
        self._meter.started(unit, held_by(self._executor, unit))
        self._not_begun[unit.run_id] = unit
        if unit.run_id in self._waiting:
            self._waited.add(unit.run_id)

    def poll(self, timeout: float) -> list[Outcome]:
        """Returns what has ended."""
        ended = self._executor.poll(timeout)
        for outcome in ended:
            self._meter.ended(outcome)
            self._not_begun.pop(outcome.run_id, None)
        self._look_who_has_begun()
        self._meter.look()
        return ended

    def _look_who_has_begun(self) -> None:
        """Counts from its beginning what a unit holds that has waited for room."""
        waiting = self._waiting
        for unit in [one for one in self._not_begun.values() if one.run_id not in waiting]:
            del self._not_begun[unit.run_id]
            if unit.run_id in self._waited:
                self._meter.started(unit, held_by(self._executor, unit))
        self._waited = set(waiting)

    @property
    def _waiting(self) -> Collection[str]:
        found: Collection[str] = getattr(self._executor, "waiting", ())
        return found

    def epochs(self) -> Mapping[str, int]:
        """Returns how far the units under way are."""
        return self._executor.epochs()

    def stop(self) -> None:
        """Stops the executor."""
        self._executor.stop()
