"""What a table needs of a results store; `fieldmark.store.Store` has it."""

from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from fieldmark.store.records import DatasetCard, EvaluationRecord


class Results(Protocol):
    """The reading half of a results store."""

    @property
    def url(self) -> str:
        """Where it lies."""
        ...

    def cards(self) -> list[DatasetCard]:
        """Returns the data sets it holds runs of."""
        ...

    def runs(self, columns: Sequence[str] | None = None, where: pc.Expression | None = None) -> pa.Table:
        """Returns the flat catalogue of runs."""
        ...

    def evaluations(
        self, columns: Sequence[str] | None = None, where: pc.Expression | None = None, *, views: bool = False
    ) -> pa.Table:
        """Returns the flat catalogue of evaluations, with `views` those that show pictures in another way, too."""
        ...

    def evaluation(self, evaluation_id: str) -> EvaluationRecord:
        """Returns one evaluation's record."""
        ...

    def sweeps(self) -> list[str]:
        """Returns the ids of its sweeps that have a plan."""
        ...

    def plan(self, sweep_id: str) -> dict[str, Any] | None:
        """Returns a sweep's plan."""
        ...

    def list(self, prefix: str) -> Sequence[str]:
        """Returns the keys below a prefix."""
        ...

    def get(self, key: str) -> bytes | None:
        """Returns what lies under a key."""
        ...

    def predictions(self, evaluation_id: str) -> pa.Table | None:
        """Returns the scored records of one evaluation, where they were kept."""
        ...
