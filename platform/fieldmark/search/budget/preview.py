"""What is left of a sweep will cost, for dry runs; neither torch nor Ray is imported."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from fieldmark.config import MethodConfig
from fieldmark.search.budget.expected import Expected
from fieldmark.search.budget.options import BudgetOptions
from fieldmark.search.budget.prices import HOUR
from fieldmark.search.budget.spending import Pricing, Spent, total

if TYPE_CHECKING:
    from fieldmark.store import Store


class ExpectedCost(BaseModel):
    """What runs are expected to use."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    cpu_hours: float
    gpu_hours: float
    money: float | None
    """By the price table; None without one."""
    currency: str | None

    def text(self) -> str:
        """Returns it for people."""
        hours = f"{self.cpu_hours:.3g} CPU-hours, {self.gpu_hours:.3g} GPU-hours"
        return f"about {hours}" if self.money is None else f"about {self.money:.2f} {self.currency} ({hours})"


def expected_cost(
    options: BudgetOptions, store: "Store | None", configs: Sequence[MethodConfig], more: int = 0
) -> ExpectedCost | None:
    """Returns what runs will use, by stored runs like them; None where one has none, or nobody asks.

    Args:
        options: with prices or a budget, or nobody asks.
        store: None where there is none yet.
        configs: of the runs.
        more: runs whose settings are not known yet; they count as the mean of the others.
    """
    if store is None or not (options.prices or options.budget):
        return None
    import pyarrow.compute as pc

    prices = options.price_table()
    found = Expected(store.run_records(pc.field("status") == "completed"), Pricing(prices).of_record)
    usages = [found.of(config) for config in configs]
    if any(one is None for one in usages) or (more and not usages):
        return None
    spent = total(one.spent for one in usages if one is not None)
    return _cost(options, spent.times(1 + more / len(usages)) if more else spent)


def expected_of_hours(options: BudgetOptions, *, gpu_hours: float) -> ExpectedCost | None:
    """Returns what GPU-hours cost; None where nobody asks."""
    if not (options.prices or options.budget):
        return None
    return _cost(options, Pricing(options.price_table()).of_time(cpu_seconds=0.0, gpu_seconds=gpu_hours * HOUR))


def _cost(options: BudgetOptions, spent: Spent) -> ExpectedCost:
    prices = options.price_table()
    return ExpectedCost(
        cpu_hours=spent.cpu_seconds / HOUR,
        gpu_hours=spent.gpu_seconds / HOUR,
        money=None if prices is None else spent.money,
        currency=None if prices is None else prices.currency,
    )
