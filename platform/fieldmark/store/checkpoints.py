"""The state of an unfinished run: one object, replaced as a whole."""

from fieldmark.store import layout
from fieldmark.store.faults import fault_point
from fieldmark.store.objects import Objects


class StoreCheckpoints:
    """Saves and loads the bytes of one run's state; how they are made is the caller's choice."""

    def __init__(self, objects: Objects, run_id: str) -> None:
        """Names the run."""
        self._objects = objects
        self._key = layout.checkpoint(run_id)

    def save(self, state: bytes) -> None:
        """Replaces the state; a kill leaves the old one or the new one."""
        self._objects.put(self._key, state)
        fault_point("checkpoint.saved")

    def load(self) -> bytes | None:
        """Returns the last saved state, or None."""
        return self._objects.get(self._key)

    def clear(self) -> None:
        """Deletes the state of a run that is recorded."""
        self._objects.delete(self._key)
        fault_point("checkpoint.cleared")
