"""What a sweep asks of an executor."""

from collections.abc import Mapping
from typing import Protocol

from fieldmark.search.executors.bench import Unit
from fieldmark.search.tasks import Outcome


class Executor(Protocol):
    """Runs units, several at a time."""

    @property
    def capacity(self) -> int:
        """Units that may be started and not ended at once."""
        ...

    def start(self, unit: Unit) -> None:
        """Takes a unit; at most `capacity` are under way."""
        ...

    def poll(self, timeout: float) -> list[Outcome]:
        """Returns the units that have ended since the last call, waiting for one at most so many seconds.

        Raises:
            UserError: when nothing can run any more, saying why.
        """
        ...

    def epochs(self) -> Mapping[str, int]:
        """Returns the finished epochs of units under way, by run id, as far as they are known."""
        ...

    def stop(self) -> None:
        """Ends everything under way; checkpoints stay."""
        ...
