"""Ctrl-C asks a training to stop after its next step; a second one ends it at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupt:
    """A context in which the first Ctrl-C only sets a flag."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: Any = None

    def __enter__(self) -> Self:
        """Takes Ctrl-C over, in the main thread; elsewhere nothing is changed."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives it back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @property
    def asked(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._asked.is_set()

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
