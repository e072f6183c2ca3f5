"""What workers and driver tell each other: a small actor on the driver's node, and the worker's end of it."""

import threading
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

EVERY = 0.5
"""Seconds between two exchanges."""


class Message(NamedTuple):
    """A word from a worker."""

    kind: str
    """`worker` (its rank and `own_place`), `run` (the run's id), `step` (a StepInfo), `alive`, `saved`, `failed` (a
    `Failed`)."""
    value: Any = None


class Failed(NamedTuple):
    """What made a worker give up."""

    kind: Literal["user", "failed", "out_of_memory"]
    """`user`: a user's mistake."""
    message: str
    trace: str


class Mailbox:
    """Lives as an actor; it never waits."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._stopping = False

    def tell(self, messages: list[Message]) -> bool:
        """Takes messages; returns whether training is asked to stop."""
        self._messages += messages
        return self._stopping

    def take(self) -> list[Message]:
        """Returns what was told since the last call."""
        taken, self._messages = self._messages, []
        return taken

    def stop(self) -> None:
        """Asks training to stop after its next step."""
        self._stopping = True


class Link:
    """A worker's end: a thread exchanges with the mailbox, so that no step waits for it."""

    def __init__(self, mailbox: Any) -> None:
        """Takes the actor's handle."""
        self._mailbox = mailbox
        self._waiting: list[Message] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._signs = self._signs_told = 0
        self._waits: Callable[[], int] = lambda: 0
        threading.Thread(target=self._exchange_for_ever, name="link", daemon=True).start()

    @property
    def stopping(self) -> bool:
        """Whether training is asked to stop."""
        return self._stopping.is_set()

    def count(self, waits: Callable[[], int]) -> None:
        """Takes how often something has been waited for so far; that grows with each sign of life."""
        self._waits = waits

    def sign(self) -> None:
        """Gives a sign of life."""
        self._signs += 1

    def tell(self, kind: str, value: Any = None) -> None:
        """Leaves a word for the driver; of steps only the last one counts."""
        with self._lock:
            if kind == "step" and self._waiting and self._waiting[-1].kind == "step":
                self._waiting.pop()
            self._waiting.append(Message(kind, value))

    def exchange(self) -> None:
        """Tells what waits to be told, now.

        Raises:
            RayError: the driver cannot be reached; what was to be told still waits.
        """
        import ray

        with self._lock:
            messages, self._waiting = self._waiting, []
        signs = self._signs + self._waits()
        alive = [Message("alive")] if signs != self._signs_told else []
        try:
            stopping = ray.get(self._mailbox.tell.remote([*messages, *alive]))
        except ray.exceptions.RayError:
            with self._lock:
                self._waiting = [*messages, *self._waiting]
            raise
        self._signs_told = signs
        if stopping:
            self._stopping.set()

    def _exchange_for_ever(self) -> None:
        import ray

        while not threading.Event().wait(EVERY):
            try:
                self.exchange()
            except ray.exceptions.ActorDiedError:  # the driver is gone, and this process goes next
                return
            except ray.exceptions.RayError:  # e.g. the network is down for a while
                continue
