"""A run's state in the store: what the method saves, and what the platform has measured so far."""

import io
import time
from typing import TYPE_CHECKING, Any

from fieldmark.search.interruption import CutOff, KeepGoing
from fieldmark.search.stopwatch import Stopwatch

if TYPE_CHECKING:
    from fieldmark.store.checkpoints import StoreCheckpoints

SECONDS_BETWEEN = 30.0


class RunCheckpoints:
    """Training's `Checkpoints` over a store, with the run's curve and cost beside the method's state."""

    def __init__(self, store: "StoreCheckpoints", keep_going: KeepGoing, every: float = SECONDS_BETWEEN) -> None:
        """Reads the last state, if any.

        Args:
            store: where the bytes lie.
            keep_going: a save is due at once when this says no, and ends the run.
            every: seconds between two saves.
        """
        self._store = store
        self._keep_going = keep_going
        self._every = every
        self._saved = time.monotonic()
        before = self._read()
        self._method_state: dict[str, Any] | None = before.get("method")
        self.rows: list[dict[str, float]] = before.get("rows", [])
        """The curve so far, one row an epoch."""
        self.stopwatch = Stopwatch(seconds=before.get("seconds", 0.0), cpu_seconds=before.get("cpu_seconds", 0.0))

    def load(self) -> dict[str, Any] | None:
        """Returns the method's last saved state, or None."""
        return self._method_state

    def due(self) -> bool:
        """Whether it is time to save."""
        return not self._keep_going() or time.monotonic() - self._saved >= self._every

    def save(self, state: dict[str, Any]) -> None:
        """Replaces the state.

        Raises:
            CutOff: after saving, when the run is asked to stop.
        """
        import torch

        cost = self.stopwatch.cost()
        buffer = io.BytesIO()
        whole = {"method": state, "rows": self.rows, "seconds": cost.seconds, "cpu_seconds": cost.cpu_seconds}
        torch.save(whole, buffer)
        self._store.save(buffer.getvalue())
        self._saved = time.monotonic()
        if not self._keep_going():
            raise CutOff

    def clear(self) -> None:
        """Deletes the state of a run that is recorded."""
        self._store.clear()

    def _read(self) -> dict[str, Any]:
        data = self._store.load()
        if data is None:
            return {}
        import torch

        found: dict[str, Any] = torch.load(io.BytesIO(data), weights_only=True)
        return found
