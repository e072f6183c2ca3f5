"""What a sweep asks of an executor."""

from collections.abc import Mapping
from typing import Protocol

from fieldmark.search.tasks import Outcome, Task


class Executor(Protocol):
    """Runs tasks, several at a time."""

    @property
    def capacity(self) -> int:
        """Tasks that may be started and not ended at once."""
        ...

    def start(self, task: Task) -> None:
        """Takes a task; at most `capacity` are under way."""
        ...

    def poll(self, timeout: float) -> list[Outcome]:
        """Returns the tasks that have ended since the last call, waiting for one at most so many seconds.

        Raises:
            UserError: when nothing can run any more, saying why.
        """
        ...

    def epochs(self) -> Mapping[str, int]:
        """Returns the finished epochs of tasks under way, by run id, as far as they are known."""
        ...

    def stop(self) -> None:
        """Ends everything under way; checkpoints stay."""
        ...
