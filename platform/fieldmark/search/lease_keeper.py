"""Keeps the lease of a sweep or a run alive in a thread, and says when it is lost."""

import shlex
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from fieldmark.errors import UserError

if TYPE_CHECKING:
    from fieldmark.store import Store

TTL = 30.0
RENEWALS_A_TTL = 6


class LeaseKeeper:
    """A context in which this process is the one driver of a sweep or a run."""

    def __init__(
        self, store: "Store", sweep_id: str, *, takeover: bool, what: Literal["sweep", "run"] = "sweep"
    ) -> None:
        """Names the sweep or run; `takeover` takes it from a driver that seems to live."""
        from fieldmark.store.lease import Lease

        self._lease = Lease(store, sweep_id, this_command(), what=what, ttl=TTL)
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
        """Gives the lease back."""
        self._over.set()
        self._thread.join()
        if self._lost is None:
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
        while not self._over.wait(TTL / RENEWALS_A_TTL):
            try:
                self._lease.renew()
            except UserError as error:
                self._lost = error
                return


def this_command() -> str:
    """Returns the command that started this process, for people to repeat."""
    program = Path(sys.argv[0])
    name = f"python {program}" if program.suffix == ".py" else program.name
    return shlex.join([*name.split(" ", 1), *sys.argv[1:]])
