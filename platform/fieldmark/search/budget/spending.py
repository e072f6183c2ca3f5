"""What runs have used: processor time, and what it costs."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from fieldmark.search.budget.prices import PriceTable
from fieldmark.store.records import RunRecord


@dataclass(frozen=True, kw_only=True)
class Spent:
    """So much was used."""

    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    money: float = 0.0
    """In the currency of the price table; 0 without one."""

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            gpu_seconds=self.gpu_seconds + other.gpu_seconds,
            money=self.money + other.money,
        )

    def times(self, factor: float) -> "Spent":
        """Returns so many times as much."""
        return Spent(
            cpu_seconds=self.cpu_seconds * factor, gpu_seconds=self.gpu_seconds * factor, money=self.money * factor
        )


def total(found: Iterable[Spent]) -> Spent:
    """Returns all together."""
    return sum(found, Spent())


class Pricing:
    """What time on CPUs and GPUs comes to, by a price table or none."""

    def __init__(self, prices: PriceTable | None, gpus_a_run: float = 0.0, device: str = "") -> None:
        """Takes the table.

        Args:
            prices: None: nothing costs money.
            gpus_a_run: that runs like these hold: of a failed attempt only its time is recorded.
            device: on which.
        """
        self.prices = prices
        self._gpus = gpus_a_run
        self._device = device

    @classmethod
    def of(cls, prices: PriceTable | None, records: Iterable[RunRecord]) -> "Pricing":
        """Returns what suits the runs of a sweep: a failed attempt held as many GPUs as they usually do."""
        done = [one for one in records if one.status != "failed" and one.cost.seconds > 0]
        held = [_gpu_seconds(one) / one.cost.seconds for one in done]
        device = next((one.provenance.device for one in done if _gpu_seconds(one)), "")
        return cls(prices, median(held) if held else 0.0, device)

    def of_time(self, *, cpu_seconds: float, gpu_seconds: float, host: str = "", device: str = "") -> Spent:
        """Returns processor time with its price."""
        money = 0.0
        if self.prices is not None:
            where = {"host": host, "device": device or self._device}
            money = self.prices.money(cpu_seconds=cpu_seconds, gpu_seconds=gpu_seconds, **where)
        return Spent(cpu_seconds=cpu_seconds, gpu_seconds=gpu_seconds, money=money)

    def of_record(self, record: RunRecord) -> Spent:
        """Returns what a run has used by its record, of a failed attempt by the time that it took."""
        where = record.provenance
        if record.status == "failed" and not record.cost.cpu_seconds:
            seconds = record.cost.seconds or max(0.0, where.ended - where.started)
            return self.of_time(
                cpu_seconds=seconds,
                gpu_seconds=seconds * self._gpus,
                host=where.host,
                device=self._device or where.device,
            )
        cpu_seconds = record.cost.cpu_seconds or record.cost.seconds
        return self.of_time(
            cpu_seconds=cpu_seconds, gpu_seconds=_gpu_seconds(record), host=where.host, device=where.device
        )


def _gpu_seconds(record: RunRecord) -> float:
    """Returns a record's own; where there are none of a run on a GPU, its wall clock."""
    on_gpu = record.provenance.device.startswith("cuda")
    return record.cost.gpu_seconds or (record.cost.seconds if on_gpu else 0.0)
