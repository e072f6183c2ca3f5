"""What a sweep has used, as results and dry runs tell it."""

from pydantic import BaseModel, ConfigDict

from fieldmark.search.budget.meter import Meter
from fieldmark.search.budget.prices import HOUR


class Spending(BaseModel):
    """What a sweep has used so far, by all commands."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    cpu_hours: float
    gpu_hours: float
    money: float | None
    """By the price table; None without one."""
    currency: str | None
    bytes: int
    """What it has in the store."""

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(
            cpu_hours=self.cpu_hours + other.cpu_hours,
            gpu_hours=self.gpu_hours + other.gpu_hours,
            money=None if self.money is None or other.money is None else self.money + other.money,
            currency=self.currency,
            bytes=self.bytes + other.bytes,
        )

    def text(self) -> str:
        """Returns it for people."""
        parts = [f"{self.cpu_hours:.3g} CPU-hours"]
        parts += [f"{self.gpu_hours:.3g} GPU-hours"] if self.gpu_hours else []
        parts += [] if self.money is None else [f"{self.money:.2f} {self.currency}"]
        return ", ".join([*parts, f"{self.bytes / 1e6:,.1f} MB in the store"])


def spending(meter: Meter) -> Spending:
    """Returns what a meter has counted."""
    spent, prices = meter.spent(), meter.prices
    return Spending(
        cpu_hours=spent.cpu_seconds / HOUR,
        gpu_hours=spent.gpu_seconds / HOUR,
        money=None if prices is None else spent.money,
        currency=None if prices is None else prices.currency,
        bytes=meter.bytes(fresh=True),
    )
