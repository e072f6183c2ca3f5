"""Limits of what a command may use."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from fieldmark.search.budget.amounts import Amount, Kind
from fieldmark.search.budget.expected import Expected, Usage
from fieldmark.search.budget.meter import Meter
from fieldmark.search.budget.prices import HOUR
from fieldmark.search.budget.spending import Spent
from fieldmark.search.executors.bench import Unit
from fieldmark.search.schedule import Schedule
from fieldmark.search.words import duration

if TYPE_CHECKING:
    from fieldmark.store.records import RunRecord

CLEARLY = 0.8
"""A run is not started if even this share of what it is expected to take is more than what is left."""

WOULD_TAKE = "would take"


@dataclass(frozen=True, kw_only=True)
class Larger:
    """The command that a sweep is only a part of, and whose budget binds it, too."""

    meter: Meter
    """Of what else it does."""
    started: float
    """When it began, by the monotonic clock."""


class Limit(Protocol):
    """What a command may use."""

    @property
    def stops(self) -> bool:
        """Whether what runs is stopped at its next checkpoint once the limit is reached."""
        ...

    def reached(self, scheduler: Schedule) -> str:
        """Returns what is used up, in words; empty while there is some left."""
        ...

    def refuses(self, unit: Unit) -> str:
        """Returns why a unit may not be started now, in words: it would clearly take more than is left; else empty."""
        ...


class BudgetLimit:
    """A budget: time of this command; hours, money and bytes of the sweep, whatever command used them."""

    def __init__(
        self,
        amounts: tuple[Amount, ...],
        meter: Meter,
        since: float,
        *,
        stops: bool = False,
        clock: Callable[[], float] = time.monotonic,
        beside: Meter | None = None,
    ) -> None:
        """Takes the amounts.

        Args:
            amounts: of different things.
            meter: of the sweep.
            since: when the command began, by the clock.
            stops: whether what runs is stopped at its next checkpoint once one of them is used up.
            clock: seconds.
            beside: of what else the budget is for, and which is over: see `Larger`.
        """
        self._beside = beside
        self.stops = stops
        self._amounts = amounts
        self._meter = meter
        self._since = since
        self._clock = clock

    def reached(self, scheduler: Schedule) -> str:
        """Returns the first amount that is used up."""
        spent = self._spent()
        for amount in self._amounts:
            used = self._used(amount.kind, spent)
            if used >= amount.value:
                return f"the budget of {amount.text} is spent" + (
                    "" if amount.kind == "seconds" else f" ({in_words(amount, used)} used)"
                )
        return ""

    def refuses(self, unit: Unit) -> str:
        """Returns which amount the unit would clearly exceed beside what is under way; what is stopped may begin."""
        if self.stops:
            return ""
        usage = self._expected.of(unit.task.spec.config)
        if usage is None:
            return ""
        spent = self._spent()
        for amount in self._amounts:
            left = amount.value - self._used(amount.kind, spent)
            promised = 0.0 if amount.kind == "seconds" else self._promised(amount.kind)
            needed = self._takes(amount.kind, usage)
            if CLEARLY * needed > left - promised:
                return (
                    f"of the budget of {amount.text} {in_words(amount, max(0.0, left))} is left, and the next run "
                    f"{WOULD_TAKE} about {in_words(amount, needed)}"
                )
        return ""

    @cached_property
    def _expected(self) -> Expected:
        return Expected(self._alike(), self._meter.cost)

    def _alike(self) -> "list[RunRecord]":
        """Returns the completed runs of the store, the sweep's own among them, as they are at the first question."""
        import pyarrow.compute as pc

        return self._meter.mine.store.run_records(pc.field("status") == "completed")

    def _promised(self, kind: Kind) -> float:
        """Returns what the running units are expected to use beside what they have used already."""
        found = 0.0
        for unit, seconds in self._meter.under_way():
            usage = self._expected.of(unit.task.spec.config)
            if usage is not None and seconds < usage.seconds:
                found += self._takes(kind, usage) * (1 - seconds / usage.seconds)
        return found

    def _used(self, kind: Kind, spent: Spent) -> float:
        if kind == "seconds":
            return self._clock() - self._since
        if kind == "bytes":
            return float(self._meter.bytes() + (0 if self._beside is None else self._beside.bytes()))
        return _hours_or_money(kind, spent)

    def _spent(self) -> Spent:
        return self._meter.spent() + (Spent() if self._beside is None else self._beside.spent())

    def _takes(self, kind: Kind, usage: Usage) -> float:
        if kind == "seconds":
            return usage.seconds
        # Nothing is known of bytes by configuration.
        return 0.0 if kind == "bytes" else _hours_or_money(kind, usage.spent)


def _hours_or_money(kind: Kind, spent: Spent) -> float:
    if kind == "money":
        return spent.money
    return (spent.gpu_seconds if kind == "gpu_hours" else spent.cpu_seconds) / HOUR


def in_words(amount: Amount, value: float) -> str:
    """Returns e.g. ``12.5 GPU-hours``, in the unit of the amount."""
    if amount.kind == "seconds":
        return duration(value)
    if amount.kind == "bytes":
        return f"{value / 1e9:.3g} GB" if value >= 1e9 else f"{value / 1e6:.3g} MB"
    units = {"gpu_hours": "GPU-hours", "cpu_hours": "CPU-hours", "money": amount.currency}
    return f"{value:.3g} {units[amount.kind]}" if amount.kind != "money" else f"{value:.2f} {amount.currency}"
