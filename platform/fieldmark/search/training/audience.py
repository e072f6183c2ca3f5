"""Who hears how a training by a group of workers goes."""

from typing import TYPE_CHECKING, Protocol

from fieldmark.search.tasks import Task

if TYPE_CHECKING:
    from fieldmark.training.classifier.execution import StepInfo


class Audience(Protocol):
    """Whom a training tells how it goes: a display (`TrainProgress`), or an executor of several."""

    @property
    def signs(self) -> int:
        """How many signs of life there have been."""
        ...

    def say(self, line: str) -> None:
        """Hears a line."""
        ...

    def run(self, task: Task) -> None:
        """Hears which run comes next."""
        ...

    def step(self, info: "StepInfo") -> None:
        """Hears where the run is."""
        ...
