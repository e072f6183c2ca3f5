"""What executors know of work: units, and benches that do them. Neither torch nor Ray is imported."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fieldmark.search.interruption import KeepGoing
from fieldmark.search.tasks import Outcome, Task

if TYPE_CHECKING:
    from fieldmark.store import Store

OnEpoch = Callable[[int], None]
"""Told the number of finished epochs."""


class Unit(Protocol):
    """A unit of work, which travels as text: a `Task`, or a run with more to do about it."""

    @property
    def run_id(self) -> str:
        """The run's id, which names the unit."""
        ...

    @property
    def task(self) -> Task:
        """The run."""
        ...

    def model_dump_json(self) -> str:
        """Returns what `Bench.parse` reads."""
        ...


U = TypeVar("U", bound=Unit)


class Bench(Protocol[U]):
    """Does units one after another, and keeps between them what is costly to get: libraries, data, pictures."""

    def parse(self, text: str) -> U:
        """Returns the unit of a text."""
        ...

    def do(self, unit: U, *, keep_going: KeepGoing, on_epoch: OnEpoch) -> Outcome:
        """Does what is left of a unit, and says how it ended; an exception is recorded as a failed attempt.

        Args:
            unit: as `parse` returns it.
            keep_going: asked now and then; False asks the unit to stop and to be taken up later.
            on_epoch: told how far the run is.

        Raises:
            CutOff: it was asked to stop; its checkpoint stays.
        """
        ...


BenchMaker = Callable[["Store"], Bench[Any]]
"""Makes a bench in the process that is to work at it; picklable, e.g. `functools.partial` of a class. Arrays in it go
into Ray's object store once, and are mapped by every actor of a node."""


def do(bench: Bench[U], text: str, keep_going: KeepGoing, on_epoch: OnEpoch) -> Outcome:
    """Does the unit of a text; see `Bench.do`."""
    return bench.do(bench.parse(text), keep_going=keep_going, on_epoch=on_epoch)
