"""Ctrl-C or SIGTERM asks a training to stop after its next step; a second Ctrl-C ends it at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM, as schedulers of clusters send it: training has stopped, its checkpoint stays."""


class Interrupt:
    """A context in which the first signal only sets a flag."""

    def __init__(self) -> None:
        self._asked: int | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Takes the signals over, in the main thread; elsewhere nothing is changed."""
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._ask) for one in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives them back."""
        for one, before in self._before.items():
            signal.signal(one, before)
        self._before = {}

    def again(self) -> None:
        """Takes them over once more: Ray puts a handler of its own in place, which dies of SIGTERM with a stack."""
        for one in self._before:
            signal.signal(one, self._ask)

    @property
    def asked(self) -> bool:
        """Whether training is to stop."""
        return self._asked is not None

    @property
    def terminated(self) -> bool:
        """Whether SIGTERM asked, or asked first."""
        return self._asked == signal.SIGTERM

    def leave(self) -> NoReturn:
        """Raises what the signal means, after training has stopped.

        Raises:
            Terminated: for SIGTERM.
            KeyboardInterrupt: for Ctrl-C.
        """
        raise Terminated if self.terminated else KeyboardInterrupt

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        # A second SIGTERM is no impatience: `timeout` and schedulers send it to the process and to its group.
        if self._asked is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._asked = self._asked or number


@contextmanager
def terminable() -> Iterator[None]:
    """Has SIGTERM raise `Terminated` in the main thread, as Ctrl-C raises: for what has no step at which to stop."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
