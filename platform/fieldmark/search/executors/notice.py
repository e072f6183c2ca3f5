"""Says that a unit in this process has hung. Nobody can end it but the person who started it."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from fieldmark.search.executors.bench import OnEpoch
from fieldmark.search.executors.pulse import Pulse
from fieldmark.search.interruption import KeepGoing

LOOKS = 20
"""Times that it looks within the patience."""


class HangNotice:
    """Watches one unit from a thread of its own; a context around the unit."""

    def __init__(self, run_id: str, patience: float, say: Callable[[str], None]) -> None:
        """Takes the unit, the seconds without a sign of life after which it speaks, and who shows a line."""
        self._run_id = run_id
        self._pulse = Pulse(patience)
        self._say = say
        self._signs = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"notice-{run_id[:10]}", daemon=True)

    def __enter__(self) -> Self:
        """Begins to watch."""
        self._sign()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self._over.set()
        self._thread.join()

    def asked(self, keep_going: KeepGoing) -> KeepGoing:
        """Returns the question, each of which is a sign of life."""

        def ask() -> bool:
            self._sign()
            return keep_going()

        return ask

    def told(self, on_epoch: OnEpoch) -> OnEpoch:
        """Returns the listener, to whom each epoch is a sign of life."""

        def tell(epoch: int) -> None:
            self._sign()
            on_epoch(epoch)

        return tell

    def _sign(self) -> None:
        self._signs += 1
        self._pulse.hear(self._run_id, self._signs)

    def _watch(self) -> None:
        while not self._over.wait(self._pulse.patience / LOOKS):
            if self._pulse.hung:
                self._pulse.forget(self._run_id)
                self._say(
                    f"run {self._run_id[:10]}: {self._pulse.silence}, and what runs in this process cannot be ended "
                    "from here: stop it (Ctrl-C, twice if need be); the same command goes on from the checkpoint"
                )
