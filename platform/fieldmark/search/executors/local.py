"""Does units one after the other in this process: for tests and debugging."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from fieldmark.search.executors.bench import BenchMaker, Unit, do
from fieldmark.search.executors.notice import HangNotice
from fieldmark.search.executors.pulse import HANG_AFTER
from fieldmark.search.interruption import CutOff, KeepGoing
from fieldmark.search.tasks import Outcome

if TYPE_CHECKING:
    from fieldmark.store import Store


class LocalExecutor:
    """One unit at a time, from the same text as a Tune trial has it, so that the numbers are the same."""

    capacity = 1

    def __init__(
        self,
        maker: BenchMaker,
        store: "Store",
        keep_going: KeepGoing = lambda: True,
        *,
        say: Callable[[str], None] = lambda _: None,
        hang_after: float = HANG_AFTER,
    ) -> None:
        """Makes the bench.

        Args:
            maker: of the bench.
            store: where records go.
            keep_going: asked by what is under way.
            say: shows a line.
            hang_after: seconds without a sign of life after which it says so; this process cannot end what it does.
        """
        self._bench = maker(store)
        self._keep_going = keep_going
        self._say, self._hang_after = say, hang_after
        self._waiting: deque[Unit] = deque()
        self._epochs: dict[str, int] = {}

    def start(self, unit: Unit) -> None:
        """Takes a unit; `poll` does it."""
        self._waiting.append(unit)

    def poll(self, timeout: float) -> list[Outcome]:
        """Does the next unit to its end, whatever the timeout."""
        if not self._waiting:
            return []
        unit = self._waiting.popleft()

        def note(epoch: int) -> None:
            self._epochs[unit.run_id] = epoch

        try:
            with HangNotice(unit.run_id, self._hang_after, self._say) as notice:
                asked, told = notice.asked(self._keep_going), notice.told(note)
                return [do(self._bench, unit.model_dump_json(), asked, told)]
        except CutOff:
            return []
        finally:
            self._epochs.clear()

    def epochs(self) -> Mapping[str, int]:
        """Returns the finished epochs of the unit under way."""
        return dict(self._epochs)

    def stop(self) -> None:
        """Forgets what was not begun."""
        self._waiting.clear()
