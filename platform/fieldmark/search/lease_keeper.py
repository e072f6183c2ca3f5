"""Keeps the lease of a sweep or a run alive in a thread, and says when it is lost.

A beat that cannot be written for a reason that may pass is tried again for as long as the store's patience lasts; after
that the lease is given up, so that no driver believes for ever in a lease that it cannot show. What it does in the
meantime does no harm should another driver take over: everything is recorded once.
"""

import shlex
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from fieldmark.errors import StoreConflict, UserError

if TYPE_CHECKING:
    from fieldmark.store import Store

TTL = 30.0
RENEWALS_A_TTL = 6


class LeaseKeeper:
    """A context in which this process is the one driver of a sweep or a run."""

    def __init__(
        self,
        store: "Store",
        sweep_id: str,
        *,
        takeover: bool,
        what: Literal["sweep", "run"] = "sweep",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Names the sweep or run; `takeover` takes it from a driver that seems to live; the clock is in seconds."""
        from fieldmark.store.lease import Lease

        self._lease = Lease(store, sweep_id, this_command(), what=what, ttl=TTL)
        self._patience = store.objects.patience
        self._clock = clock
        self._failing_since: float | None = None
        self._takeover = takeover
        self._over = threading.Event()
        self._lost: UserError | None = None
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Self:
        """Takes the lease.

        Raises:
            StoreConflict: where another driver lives; names it.
        """
        self._lease.acquire(takeover=self._takeover)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the lease back; where that cannot be written, the next driver finds that this one is gone."""
        self._over.set()
        self._thread.join()
        if self._lost is None:
            with suppress(UserError):
                self._lease.release()

    @property
    def kept(self) -> bool:
        """Whether the lease is still this process's, as far as it knows."""
        return self._lost is None

    def check(self) -> None:
        """Raises what ended the lease, if anything did: this process may not drive any more."""
        if self._lost is not None:
            raise self._lost

    def _renew(self) -> None:
        while not self._over.wait(TTL / RENEWALS_A_TTL) and self.beat():
            pass

    def beat(self) -> bool:
        """Shows that this driver lives, if it can; returns whether the lease is still this process's."""
        try:
            self._lease.renew()
        except StoreConflict as error:
            self._lost = error
        except UserError as error:
            self._lost = self._unless_it_may_pass(error)
        else:
            if self._failing_since is not None:
                self._failing_since = None
                self._patience.tell_it_works("lease")
        return self._lost is None

    def _unless_it_may_pass(self, error: UserError) -> UserError | None:
        from fieldmark.store.patience import may_pass

        now = self._clock()
        since = self._failing_since = now if self._failing_since is None else self._failing_since
        left = since + self._patience.seconds - now
        lasts = isinstance(error.__cause__, Exception) and not may_pass(error.__cause__)
        if lasts or not self._patience.seconds:
            return error
        if left <= 0:
            return UserError(f"{error}; the lease could not be renewed for {now - since:.0f} s and is given up")
        self._patience.tell(str(error), left)
        return None


def this_command() -> str:
    """Returns the command that started this process, for people to repeat."""
    program = Path(sys.argv[0])
    name = f"python {program}" if program.suffix == ".py" else program.name
    return shlex.join([*name.split(" ", 1), *sys.argv[1:]])
