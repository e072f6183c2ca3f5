"""What to do next of a fixed list of runs, some of which start from others. Never touches a process.

What is recorded is never run again; a run whose worker was killed is tried again twice; one that raised an exception is
given up by this command, with all that start from it, and tried again by the next one.
"""

from collections.abc import Callable, Sequence

from fieldmark.config import ClassifierConfig
from fieldmark.search.image_task import ImageTask
from fieldmark.search.under_way import UnderWay

SMALL, ON_FEATURES = 28, 1.0
"""A run on features is about as much work as an epoch of pictures of so many pixels."""


class ReproductionScheduler(UnderWay[ImageTask]):
    """Hands out units of work and hears how they ended."""

    def __init__(
        self, units: Sequence[ImageTask], is_done: Callable[[ImageTask], bool], seconds_of: Callable[[str], float]
    ) -> None:
        """Takes the units, those that others start from first.

        Args:
            units: all that is wanted, recorded or not.
            is_done: whether a unit is recorded with all its views, by the store.
            seconds_of: processor time of a recorded run.
        """
        super().__init__()
        self._is_done = is_done
        self._seconds_of = seconds_of
        self._waiting = [unit for unit in units if not is_done(unit)]
        self._undone = {unit.run_id for unit in self._waiting}
        self._effort = sum(map(effort, self._waiting))
        self._effort_done = 0.0
        self._planned = len(units)
        self.done_before = len(units) - len(self._waiting)

    def _next(self) -> ImageTask | None:
        ready = self._ready()
        if not ready:
            return None
        # The first run on a frozen model caches its features; others that began beside it would make them, too.
        taken = {unit.start for unit in self._running.values()}
        unit = next((one for one in ready if one.start is None or one.start not in taken), ready[0])
        self._waiting.remove(unit)
        return self._started(unit)

    def _ready(self) -> list[ImageTask]:
        """Returns what can be started now: single processes first, groups of workers when these have all ended.

        To change between the two takes half a minute, and a group needs the CPUs that single processes hold.
        """
        ready = [unit for unit in self._waiting if unit.start not in self._undone]
        alone = [unit for unit in ready if unit.workers == 1]
        groups = [unit for unit in ready if unit.workers > 1]
        if any(unit.workers > 1 for unit in self._running.values()):
            return groups
        return alone if alone or self._running else groups

    @property
    def planned(self) -> int:
        """All units."""
        return self._planned

    @property
    def share_done(self) -> float:
        """Share of this command's work that is done, by `effort`."""
        return self._effort_done / self._effort if self._effort else 1.0

    def standing(self) -> str:
        """Returns nothing: rows of different tables have no common best."""
        return ""

    def _cost(self, unit: ImageTask) -> float | None:
        return self._seconds_of(unit.run_id) if self._is_done(unit) else None

    def _ended(self, unit: ImageTask) -> None:
        self._undone.discard(unit.run_id)
        self._effort_done += effort(unit)

    def _again(self, unit: ImageTask) -> None:
        self._waiting.insert(0, unit)

    def _give_up(self, unit: ImageTask, message: str) -> None:
        self._failed(unit, message)
        self._effort -= effort(unit)
        for other in [one for one in self._waiting if one.start == unit.run_id]:
            self._waiting.remove(other)
            self._give_up(other, f"the image-only run {unit.run_id[:10]} that it starts from failed")


def effort(unit: ImageTask) -> float:
    """Returns about how much work a unit is, beside others of the same plan: pixels, or nearly nothing on features."""
    config = unit.task.spec.config
    if not isinstance(config, ClassifierConfig):
        return ON_FEATURES
    return config.epochs * (config.resolution / SMALL) ** 2
