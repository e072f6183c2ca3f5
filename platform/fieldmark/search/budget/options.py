"""The flags on what a command may use, which sweeps and reproductions share."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal, Self

from cyclopts import Group, Parameter
from pydantic import BaseModel, ConfigDict, model_validator

from fieldmark.config.quantities import parse_duration, parse_size
from fieldmark.search.budget.amounts import Amount, parse_budget
from fieldmark.search.budget.prices import PriceTable

if TYPE_CHECKING:
    from fieldmark.search.budget.limits import BudgetLimit, Larger
    from fieldmark.search.budget.meter import Meter
    from fieldmark.store import Store
    from fieldmark.store.retention import Retention

LIMITS = Group("Limits", sort_key=1)
HANG_AFTER = "30m"


class BudgetOptions(BaseModel):
    """What a command may use, and when it takes a run for hung."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    budget: Annotated[str | None, Parameter(group=LIMITS)] = None
    """Start nothing new beyond this: a time of this command (90s, 30m, 8h), GPU-hours (200gpuh), CPU-hours (500cpuh),
    money (150usd, with --prices) or bytes (20GB) of the whole sweep by all commands so far; or several:
    8h,200gpuh,150usd,20GB. A run that would clearly take more than is left is not started either."""
    at_limit: Annotated[Literal["finish", "stop"], Parameter(group=LIMITS)] = "finish"
    """At the limit: let what runs finish, or stop it at its next checkpoint, from which it goes on later."""
    prices: Annotated[str | None, Parameter(group=LIMITS)] = None
    """A file (JSON or TOML) of what CPU- and GPU-hours cost (docs/reference/prices.md): what is spent is told in
    money, too."""
    checkpoint_budget: Annotated[str | None, Parameter(group=LIMITS)] = None
    """Bytes that the sweep's checkpoints may take in the store together, e.g. 20GB; default: no limit."""
    hang_after: Annotated[str, Parameter(group=LIMITS)] = HANG_AFTER
    """A run without a sign of life for so long is ended, and goes on from its checkpoint: 30m, 2h."""

    @model_validator(mode="after")
    def _sensible_limits(self) -> Self:
        table = self.price_table()
        for amount in self.amounts():
            if amount.kind == "money" and table is None:
                raise ValueError(f"--budget {amount.text}: money needs a price table, named by --prices")
            if amount.kind == "money" and table is not None and amount.currency != table.currency:
                raise ValueError(
                    f"--budget {amount.text}: the prices of --prices {self.prices} are in {table.currency}"
                )
        parse_duration(self.hang_after, "--hang-after")
        if self.checkpoint_budget is not None:
            parse_size(self.checkpoint_budget, "--checkpoint-budget")
        return self

    def amounts(self) -> tuple[Amount, ...]:
        """Returns the budget's amounts."""
        return () if self.budget is None else parse_budget(self.budget)

    def price_table(self) -> PriceTable | None:
        """Returns the price table."""
        return None if self.prices is None else PriceTable.read(self.prices)

    @property
    def hang_seconds(self) -> float:
        """Seconds without a sign of life after which a run counts as hung."""
        return parse_duration(self.hang_after, "--hang-after")

    def limit(
        self,
        meter: "Meter",
        started: float,
        clock: Callable[[], float] = time.monotonic,
        larger: "Larger | None" = None,
    ) -> "BudgetLimit | None":
        """Returns what the command may use.

        Args:
            meter: of the sweep.
            started: when the command began, by the clock.
            clock: seconds.
            larger: the command that the sweep is part of.
        """
        from fieldmark.search.budget.limits import BudgetLimit

        amounts = self.amounts()
        if not amounts:
            return None
        since, beside = (started, None) if larger is None else (larger.started, larger.meter)
        return BudgetLimit(amounts, meter, since, stops=self.at_limit == "stop", clock=clock, beside=beside)

    def retention(self, store: "Store", sweep: str, say: Callable[[str], None]) -> "Retention | None":
        """Returns what keeps a sweep's checkpoints within their bytes; None without a limit.

        Args:
            store: where they lie.
            sweep: its id.
            say: shows a line.
        """
        if self.checkpoint_budget is None:
            return None
        from fieldmark.store.retention import Retention

        return Retention(store, parse_size(self.checkpoint_budget, "--checkpoint-budget"), sweep=sweep, say=say)
