"""A sweep (or a run) has one driver at a time: an epoch number by put-if-absent, kept alive by a changing counter.

No two hosts' clocks are ever compared. Whoever finds a holder on another host watches its counter on an own clock, and
takes over after `ttl` seconds without a change. A holder on the same host whose process is gone is replaced at once, so
that after a kill the same command goes on at once.

A store that cannot be written for a while silences every holder, so silence counts only while the watcher itself can
write: each look at the counter writes a word beside it. Nothing here waits for a store: a watcher says what is wrong
and ends, a holder tries again at its next beat (`fieldmark.search.lease_keeper`).
"""

import json
import os
import time
from collections.abc import Callable
from typing import Any, Literal

from fieldmark.errors import StoreConflict, UserError
from fieldmark.store import layout, processes
from fieldmark.store.belongings import Belongings
from fieldmark.store.commit import read_json
from fieldmark.store.faults import fault_point

CHECKS_A_TTL = 10


class Lease:
    """The right to drive one sweep or run. `renew` it several times a `ttl`, `check` it before telling anything."""

    def __init__(
        self,
        store: Belongings,
        sweep_id: str,
        holder: str,
        *,
        what: Literal["sweep", "run"] = "sweep",
        clock: Callable[[], float] = time.monotonic,
        ttl: float = 30,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Names the sweep (or the run) and the holder (for people: the command); clock and sleep are in seconds."""
        self.epoch = 0
        self._objects, self._holder = store.objects.hasty(), holder
        self._name = f"{what} {sweep_id}"
        self._folder = layout.leases(sweep_id) if what == "sweep" else layout.run_leases(sweep_id)
        self._clock, self._sleep, self._ttl = clock, sleep, ttl
        self._beats = 0

    def acquire(self, *, takeover: bool = False) -> int:
        """Takes the lease and returns its epoch; may watch a holder on another host for `ttl` seconds.

        Raises:
            StoreConflict: where another driver lives; names it.
            UserError: where the store cannot be read and written just now.
        """
        newest = self._newest()
        if newest and not takeover and not self._released(newest) and self._lives(newest):
            raise StoreConflict(self._refusal())
        me = {
            "holder": self._holder,
            "host": processes.host(),
            "place": processes.place(),
            "pid": os.getpid(),
            "started": processes.started(os.getpid()),
            "since": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
        }
        if not self._objects.put_once(self._key(newest + 1, "json"), json.dumps(me, indent=1).encode()):
            raise StoreConflict(self._refusal())
        fault_point("lease.epoch")
        self.epoch = newest + 1
        return self.epoch

    def renew(self) -> None:
        """Shows that the holder lives.

        Raises:
            StoreConflict: where another driver has taken over.
            UserError: where that cannot be seen or shown just now; the lease is as it was.
        """
        self.check()
        self._beats += 1
        self._objects.put(self._key(self.epoch, "beat"), str(self._beats).encode())
        fault_point("lease.heartbeat")

    def check(self) -> None:
        """Raises StoreConflict where another driver has taken over: this one may not tell anything any more.

        Raises:
            UserError: the lease is not there, e.g. since the store is not mounted just now.
        """
        assert self.epoch, "acquire first"
        newest = self._newest()
        if newest < self.epoch:
            raise UserError(f"{self._objects.name(self._folder)}: the lease of {self._name} is not there any more")
        if newest > self.epoch:
            raise StoreConflict(f"{self._name} was taken over by {self._who(newest)}")

    def release(self) -> None:
        """Gives the lease back; one that was taken over is no longer ours to give."""
        if self.epoch and self._newest() == self.epoch:
            self._objects.put_once(self._key(self.epoch, "released"), b"")
            fault_point("lease.released")
        self.epoch = 0

    def _key(self, epoch: int, what: str) -> str:
        return f"{self._folder}/{epoch:06d}.{what}"

    def _newest(self) -> int:
        keys = self._objects.keys(self._folder)
        return max((int(layout.stem(key)) for key in keys if key.endswith(".json")), default=0)

    def _released(self, epoch: int) -> bool:
        return self._objects.exists(self._key(epoch, "released"))

    def _lives(self, epoch: int) -> bool:
        holder = self._read(epoch)
        if holder["place"] == processes.place():
            return bool(processes.started(holder["pid"]) == holder["started"])
        seen = self._beat(epoch)
        since = looked = self._clock()
        while looked - since < self._ttl:
            self._sleep(self._ttl / CHECKS_A_TTL)
            if self._look(epoch) != seen or self._newest() != epoch:
                return True
            if self._released(epoch):
                return False
            before, looked = looked, self._clock()
            if looked - before > self._ttl / 2:  # the store hung, or this process slept: the holder may have, too
                since = looked
        return False

    def _look(self, epoch: int) -> bytes | None:
        """Returns the holder's counter, having shown that the store can be written."""
        self._objects.put(self._key(epoch, "watched"), b"")
        return self._beat(epoch)

    def _beat(self, epoch: int) -> bytes | None:
        return self._objects.get(self._key(epoch, "beat"))

    def _read(self, epoch: int) -> dict[str, Any]:
        return read_json(self._objects, self._key(epoch, "json"))

    def _who(self, epoch: int) -> str:
        holder = self._read(epoch)
        return f"{holder['holder']} (host {holder['host']}, pid {holder['pid']}, since {holder['since']})"

    def _refusal(self) -> str:
        return (
            f"{self._name} is being driven by {self._who(self._newest())}; "
            "wait for it to end, or stop it, or pass --takeover"
        )
