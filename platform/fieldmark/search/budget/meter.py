"""What a sweep has used so far, by all commands: recorded runs, attempts that came to nothing, and what is under way.

A run that is cut off and goes on later is in no record meanwhile. What it has held until then is noted beside the
sweep's plan, now and then and at the end, and forgotten when the run is recorded: its record counts from its beginning.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from fieldmark.search.budget.mine import Mine
from fieldmark.search.budget.prices import PriceTable
from fieldmark.search.budget.spending import Pricing, Spent, total
from fieldmark.search.executors.bench import Unit
from fieldmark.search.executors.held import Held
from fieldmark.search.tasks import Outcome
from fieldmark.store import layout
from fieldmark.store.records import RunRecord, stopped_id

BETWEEN_NOTES = 60.0
"""Seconds between two notes of what unfinished runs have held."""
BETWEEN_LISTINGS = 30.0
"""Seconds between two looks at the size of what the sweep has written."""


@dataclass(kw_only=True)
class _Running:
    unit: Unit
    since: float
    held: Held


class Meter:
    """Counts what a sweep uses."""

    def __init__(
        self, mine: Mine, prices: PriceTable | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Reads what earlier commands have used.

        Args:
            mine: the sweep's part of the store.
            prices: None: nothing costs money.
            clock: seconds.
        """
        records = mine.records()
        self.mine = mine
        self._clock = clock
        self._pricing = Pricing.of(prices, records)
        self._recorded = total(map(self._pricing.of_record, records))
        done = {one.spec.run_id for one in records if one.status != "failed"}
        self._unfinished = {name: held for name, held in self._read_note().items() if name not in done}
        self._running: dict[str, _Running] = {}
        self._noted = clock()
        self._bytes: tuple[float, int] | None = None

    @property
    def prices(self) -> PriceTable | None:
        """The price table."""
        return self._pricing.prices

    def cost(self, record: RunRecord) -> Spent:
        """Returns what a run like the sweep's has used."""
        return self._pricing.of_record(record)

    def started(self, unit: Unit, held: Held) -> None:
        """Hears that a unit holds so much from now on."""
        self._running[unit.run_id] = _Running(unit=unit, since=self._clock(), held=held)

    def ended(self, outcome: Outcome) -> None:
        """Hears how a unit ended; the store says whether it is recorded."""
        running = self._running.get(outcome.run_id)
        if running is None:
            return
        held = self._held(running)
        del self._running[outcome.run_id]
        record = self._record(running.unit)
        if record is not None:
            self._unfinished.pop(outcome.run_id, None)
            self._recorded += self.cost(record) if self.mine.owns(record) else Spent()
        elif outcome.kind in ("failed", "out_of_memory"):
            self._recorded += held  # the attempt is recorded, without what it held
        else:
            self._unfinished[outcome.run_id] = self._unfinished.get(outcome.run_id, Spent()) + held

    def close(self) -> None:
        """Takes all that is under way for cut off, and notes it."""
        for run_id in list(self._running):
            self.ended(Outcome(run_id=run_id, kind="lost"))
        self._note()

    def look(self) -> None:
        """Notes now and then what unfinished runs have held: the driver may be killed."""
        if self._clock() - self._noted >= BETWEEN_NOTES:
            self._note()

    def spent(self) -> Spent:
        """Returns what was used until now, the running units' share by the time that they have held theirs."""
        running = total(map(self._held, self._running.values()))
        return self._recorded + total(self._unfinished.values()) + running

    def bytes(self, *, fresh: bool = False) -> int:
        """Returns what the sweep has in the store, as it was half a minute ago or later, or as it is now."""
        now = self._clock()
        if fresh or self._bytes is None or now - self._bytes[0] >= BETWEEN_LISTINGS:
            self._bytes = now, self.mine.bytes({*self._unfinished, *self._running})
        return self._bytes[1]

    def under_way(self) -> list[tuple[Unit, float]]:
        """Returns the running units with the seconds since their start; 0 of those that wait and hold nothing yet."""
        now = self._clock()
        return [(one.unit, now - one.since if any(one.held) else 0.0) for one in self._running.values()]

    def _held(self, running: _Running) -> Spent:
        seconds = self._clock() - running.since
        cpus, gpus = running.held
        return self._pricing.of_time(cpu_seconds=seconds * cpus, gpu_seconds=seconds * gpus)

    def _record(self, unit: Unit) -> RunRecord | None:
        store = self.mine.store
        for run_id in (unit.run_id, stopped_id(unit.run_id, unit.task.trial.sweep)):
            if store.has_run(run_id):
                return store.run(run_id)
        return None

    @property
    def _key(self) -> str:
        return f"{layout.SWEEPS}/{self.mine.sweep}/unfinished.json"

    def _read_note(self) -> dict[str, Spent]:
        found = json.loads(self.mine.store.get(self._key) or b"{}")
        return {name: self._pricing.of_time(cpu_seconds=cpu, gpu_seconds=gpu) for name, (cpu, gpu) in found.items()}

    def _note(self) -> None:
        held = {one.unit.run_id: self._held(one) for one in self._running.values()}
        for name, before in self._unfinished.items():
            held[name] = held.get(name, Spent()) + before
        text = json.dumps({name: (one.cpu_seconds, one.gpu_seconds) for name, one in sorted(held.items())}).encode()
        if held or self.mine.store.get(self._key) is not None:
            self.mine.store.put(self._key, text)
        self._noted = self._clock()
