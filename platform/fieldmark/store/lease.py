"""A sweep (or a run) has one driver at a time: an epoch number by put-if-absent, kept alive by a changing counter.

No two hosts' clocks are ever compared. Whoever finds a holder on another host watches its counter on an own clock, and
takes over after `ttl` seconds without a change. A holder on the same host whose process is gone is replaced at once, so
that after a kill the same command goes on at once.
"""

import json
import os
import time
from collections.abc import Callable
from typing import Any, Literal

from fieldmark.errors import StoreConflict
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
        self._store, self._holder = store, holder
        self._name = f"{what} {sweep_id}"
        self._folder = layout.leases(sweep_id) if what == "sweep" else layout.run_leases(sweep_id)
        self._clock, self._sleep, self._ttl = clock, sleep, ttl
        self._beats = 0

    def acquire(self, *, takeover: bool = False) -> int:
        """Takes the lease and returns its epoch; may watch a holder on another host for `ttl` seconds.

        Raises:
            StoreConflict: where another driver lives; names it.
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
        if not self._store.objects.put_once(self._key(newest + 1, "json"), json.dumps(me, indent=1).encode()):
            raise StoreConflict(self._refusal())
        fault_point("lease.epoch")
        self.epoch = newest + 1
        return self.epoch

    def renew(self) -> None:
        """Shows that the holder lives.

        Raises:
            StoreConflict: where another driver has taken over.
        """
        self.check()
        self._beats += 1
        self._store.objects.put(self._key(self.epoch, "beat"), str(self._beats).encode())
        fault_point("lease.heartbeat")

    def check(self) -> None:
        """Raises StoreConflict where another driver has taken over: this one may not tell anything any more."""
        assert self.epoch, "acquire first"
        newest = self._newest()
        if newest != self.epoch:
            raise StoreConflict(f"{self._name} was taken over by {self._who(newest)}")

    def release(self) -> None:
        """Gives the lease back; one that was taken over is no longer ours to give."""
        if self.epoch and self._newest() == self.epoch:
            self._store.objects.put_once(self._key(self.epoch, "released"), b"")
            fault_point("lease.released")
        self.epoch = 0

    def _key(self, epoch: int, what: str) -> str:
        return f"{self._folder}/{epoch:06d}.{what}"

    def _newest(self) -> int:
        keys = self._store.objects.keys(self._folder)
        return max((int(layout.stem(key)) for key in keys if key.endswith(".json")), default=0)

    def _released(self, epoch: int) -> bool:
        return self._store.objects.exists(self._key(epoch, "released"))

    def _lives(self, epoch: int) -> bool:
        holder = self._read(epoch)
        if holder["place"] == processes.place():
            return bool(processes.started(holder["pid"]) == holder["started"])
        seen = self._beat(epoch)
        since = self._clock()
        while self._clock() - since < self._ttl:
            self._sleep(self._ttl / CHECKS_A_TTL)
            if self._beat(epoch) != seen or self._newest() != epoch:
                return True
            if self._released(epoch):
                return False
        return False

    def _beat(self, epoch: int) -> bytes | None:
        return self._store.objects.get(self._key(epoch, "beat"))

    def _read(self, epoch: int) -> dict[str, Any]:
        return read_json(self._store.objects, self._key(epoch, "json"))

    def _who(self, epoch: int) -> str:
        holder = self._read(epoch)
        return f"{holder['holder']} (host {holder['host']}, pid {holder['pid']}, since {holder['since']})"

    def _refusal(self) -> str:
        return (
            f"{self._name} is being driven by {self._who(self._newest())}; "
            "wait for it to end, or stop it, or pass --takeover"
        )
