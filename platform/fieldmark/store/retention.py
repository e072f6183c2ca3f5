"""How many bytes the checkpoints of a sweep may take, and which of them go first.

Nothing is freed of a run that is under way: its save is never refused either, for a state that is not saved is work
lost for certain, and a few bytes too many are not. What is under way may so exceed the budget by itself, which is said.
"""

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fieldmark.store import layout
from fieldmark.store.faults import fault_point
from fieldmark.store.records import stopped_id
from fieldmark.store.store import Store

EVERY_S = 10.0
"""Seconds between two looks: listing a bucket is not free."""

Reason = Literal["recorded", "stopped", "failed", "oldest"]
_ORDER: tuple[Reason, ...] = ("recorded", "stopped", "failed", "oldest")
_LOST = {
    "recorded": "nothing is lost",
    "stopped": "this sweep does not go on with it",
    "failed": "the next attempt begins at its first epoch",
    "oldest": "it begins again at its first epoch",
}


def in_bytes(count: float) -> str:
    """Returns bytes for people: ``20.0 GB``."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """A checkpoint that was deleted."""

    run_id: str
    bytes: int
    reason: Reason

    def __str__(self) -> str:
        """Says what went, and what is lost by it."""
        return f"checkpoint of run {self.run_id[:10]} freed ({in_bytes(self.bytes)}): {_LOST[self.reason]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    run_id: str
    bytes: int
    modified: datetime


class Retention:
    """Keeps the checkpoints of one sweep within its budget; the driver that holds the sweep's lease looks now and then.

    A sweep frees what it has begun itself, in this command or an earlier one with a budget; the states of other sweeps
    in the store are theirs, and do not count.
    """

    def __init__(
        self,
        store: Store,
        budget: int,
        *,
        sweep: str,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the store, the budget in bytes, the sweep's id (that of its lease), and whom to tell what is lost."""
        self._store, self._budget, self._sweep, self._say, self._clock = store, budget, sweep, say, clock
        data = store.get(layout.begun(sweep))
        self._begun: set[str] = set() if data is None else set(json.loads(data))
        self._written = set(self._begun)
        self._looked: float | None = None
        self._complained = False

    def look(self, under_way: Collection[str]) -> list[Freed]:
        """Frees what is over the budget; at most once in `EVERY_S` seconds, otherwise does nothing.

        Args:
            under_way: ids of the runs that are being done now.

        Returns:
            What went; it has been told.
        """
        self._begun |= set(under_way)
        if self._looked is not None and self._clock() - self._looked < EVERY_S:
            return []
        self._looked = self._clock()
        kept = [one for one in checkpoints_in(self._store) if one.run_id in self._begun]
        self._remember({*under_way, *(one.run_id for one in kept)})
        freed = self._free([one for one in kept if one.run_id not in under_way], sum(one.bytes for one in kept))
        self._complain(sum(one.bytes for one in kept) - sum(one.bytes for one in freed))
        return freed

    def _remember(self, begun: set[str]) -> None:
        """Writes down whose states are this sweep's, before there is one that a later command could take for not its.

        What is neither under way nor has a state is forgotten, so that the list stays short.
        """
        self._begun = begun
        if begun != self._written:
            self._store.put(layout.begun(self._sweep), json.dumps(sorted(begun)).encode())
            fault_point("retention.begun")
            self._written = begun

    def _free(self, candidates: list[_Kept], total: int) -> list[Freed]:
        recorded = {one.run_id for one in candidates if self._store.has_run(one.run_id)}
        freed = [self._delete(one, "recorded") for one in candidates if one.run_id in recorded]
        total -= sum(one.bytes for one in freed)
        if total <= self._budget:
            return freed
        reasons = self._reasons([one for one in candidates if one.run_id not in recorded])
        for one, reason in sorted(reasons, key=lambda pair: (_ORDER.index(pair[1]), pair[0].modified, pair[0].run_id)):
            if total <= self._budget:
                break
            freed.append(self._delete(one, reason))
            total -= one.bytes
        return freed

    def _reasons(self, candidates: list[_Kept]) -> list[tuple[_Kept, Reason]]:
        import pyarrow.compute as pc

        failed = {record.spec.run_id for record in self._store.run_records(pc.field("status") == "failed")}

        def reason(run_id: str) -> Reason:
            if self._store.has_run(stopped_id(run_id, self._sweep)):
                return "stopped"
            return "failed" if run_id in failed else "oldest"

        return [(one, reason(one.run_id)) for one in candidates]

    def _delete(self, one: _Kept, reason: Reason) -> Freed:
        self._store.checkpoints(one.run_id).clear()
        freed = Freed(run_id=one.run_id, bytes=one.bytes, reason=reason)
        if reason != "recorded":
            self._say(str(freed))
        return freed

    def _complain(self, left: int) -> None:
        if left > self._budget and not self._complained:
            self._complained = True
            self._say(
                f"--checkpoint-budget {in_bytes(self._budget)}: the runs under way alone have {in_bytes(left)} of "
                "checkpoints; they are kept. Fewer at once (--max-concurrent) need less"
            )


def checkpoints_in(store: Store) -> list[_Kept]:
    """Returns the states of all unfinished runs in a store."""
    return [
        _Kept(run_id=entry.key.split("/")[1], bytes=entry.bytes, modified=entry.modified)
        for entry in store.objects.entries(layout.CHECKPOINTS)
        if entry.key == layout.checkpoint(entry.key.split("/")[1])
    ]
