"""One maker at a time: a second one waits for the first instead of drawing the same pictures."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

EVERY_S = 0.1


@contextlib.contextmanager
def only_maker(folder: Path) -> Iterator[None]:
    """Waits until nobody else makes what is in a folder, and keeps others from it.

    The folder itself is locked, so that nothing is left there, and a maker that is killed keeps nobody. Where folders
    cannot be locked two may make the same: that costs time only.
    """
    number = os.open(folder, os.O_RDONLY)
    try:
        _take(number)
        yield
    finally:
        os.close(number)


def _take(number: int) -> None:
    while True:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(EVERY_S)
        except OSError:
            return
        else:
            return
