"""What fails for a reason that may pass is tried again for a while, and a person is told.

A file system that is read-only for a minute, a full disk, a restarted file server or a remote store's 503 costs the
waiting and nothing else. A permission or a bad address does not pass, and is told at once.
"""

import errno
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar

from obstore.exceptions import BaseError

from fieldmark.errors import UserError

VARIABLE = "FIELDMARK_STORE_PATIENCE"
"""Environment variable: seconds; 0 means none."""
DEFAULT_S = 300.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
UNSAID_S = 0.5
"""A hiccup that is over by then is not worth a line."""

_PASSING = {
    getattr(errno, name)
    for name in (
        *("EROFS", "ENOSPC", "EDQUOT", "EIO", "ESTALE", "EAGAIN", "EINTR", "EBUSY", "ETIMEDOUT", "ENOTCONN"),
        *("ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "ENETUNREACH", "ENETDOWN", "EHOSTUNREACH", "EHOSTDOWN"),
    )
    if hasattr(errno, name)
}
_NUMBER = re.compile(r"\(os error (\d+)\)")  # as obstore's messages have it; its errors carry no number
_STATUS = re.compile(r"status code: (408|429|5\d\d)\b")
_NEVER = ("501", "505")  # of a server that will not do that tomorrow either
_NO_ANSWER = "HTTP error:"

Result = TypeVar("Result")


class Undecided(OSError):
    """A remote store said that another writer is at an object; who won shows when asked again."""


def may_pass(error: Exception) -> bool:
    """Whether the same operation may work in a while."""
    if isinstance(error, (Undecided, TimeoutError, ConnectionError)):
        return True
    text = str(error).partition("\n")[0]
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := _NUMBER.search(text)):
        number = int(found[1])
    if number is not None:
        return number in _PASSING
    status = _STATUS.search(text)
    return status[1] not in _NEVER if status else _NO_ANSWER in text


def reason_of(error: Exception) -> str:
    """Returns an error's first line without the name of the library's storage."""
    text = str(error).partition("\n")[0]
    return re.sub(r"^Generic \w+ error: ", "", text) or type(error).__name__


class Patience:
    """Tries again for so long. Any number of threads may wait at once; one of them tells."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Takes how long to try (0: once), and for tests clock, sleep (both in seconds) and where to tell."""
        self.seconds = seconds
        self.waits = 0
        """How often something was not tried again at once: who waits for a store gives a sign of life so."""
        self._clock, self._sleep = clock, sleep
        self._say = say or _tell
        self._lock = threading.Lock()
        self._told_at: float | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Returns the patience that the environment asks for.

        Raises:
            UserError: it is no number of seconds.
        """
        text = os.environ.get(VARIABLE, "")
        try:
            seconds = float(text) if text else DEFAULT_S
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds < float("inf"):
            raise UserError(f"{VARIABLE}={text}: expected a number of seconds, e.g. 300; 0 means not to wait")
        return cls(seconds)

    def run(self, what: str, action: Callable[[], Result]) -> Result:
        """Returns what the action returns; it may be called several times.

        Args:
            what: what cannot be done while it fails, for people, e.g. ``runs/FORMAT: cannot read``.
            action: raises what obstore or the system raises.

        Raises:
            TimeoutError: it failed for a reason that may pass, and did not within `seconds`.
            BaseError, OSError: for any other reason, at once.
        """
        since: float | None = None
        wait = FIRST_WAIT_S
        while True:
            try:
                result = action()
            except (BaseError, OSError) as error:
                now = self._clock()
                since = now if since is None else since
                left = since + self.seconds - now
                if not self.seconds or not may_pass(error):
                    raise
                if left <= 0:
                    raise TimeoutError(f"{reason_of(error)} (waited {now - since:.0f} s)") from error
                if now - since >= UNSAID_S:
                    self.tell(f"{what}: {reason_of(error)}", left)
                self.waits += 1
                self._sleep(min(wait, left))
                wait = min(2 * wait, LONGEST_WAIT_S)
            else:
                if since is not None:
                    self.tell_it_works(what.partition(": ")[0])
                return result

    def tell(self, problem: str, left: float) -> None:
        """Says what fails and for how many more seconds it will be tried, unless it is said already."""
        with self._lock:
            if self._told_at is not None:
                return
            self._told_at = self._clock()
        until = time.strftime("%H:%M:%S", time.localtime(time.time() + left))
        self._say(f"{problem}; trying again until {until} ({VARIABLE}={self.seconds:g})")

    def tell_it_works(self, name: str) -> None:
        """Says so, where it was said that something fails."""
        with self._lock:
            told_at, self._told_at = self._told_at, None
        if told_at is not None:
            self._say(f"{name}: works again after {self._clock() - told_at:.0f} s")


def _tell(line: str) -> None:
    print(f"fieldmark: {line}", file=sys.stderr, flush=True)
