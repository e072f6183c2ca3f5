"""Why a sweep was not run to its end: what it notes beside its plan when it has reached a limit."""

import json
import time
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from fieldmark.tables.sources import Results


class LimitNote(BaseModel):
    """A limit that was reached."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    reason: str
    """Which limit, in words, e.g. `the budget of 200gpuh is spent (201 GPU-hours used)`."""
    at: float
    """When: Unix time, seconds."""
    recorded: int
    """Runs of the sweep that were recorded then."""
    planned: int
    """Runs that the sweep has in all, as far as was known."""
    cut_off: tuple[str, ...] = ()
    """Ids of runs that were stopped at a checkpoint, and go on from there."""
    command: str
    """What goes on."""

    @property
    def missing(self) -> int:
        """Runs that are missing."""
        return max(0, self.planned - self.recorded)

    def sentence(self, sweep: str) -> str:
        """Returns the note for people."""
        when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.at))
        cut = f", {len(self.cut_off)} of them cut off" if self.cut_off else ""
        return (
            f"Stopped at a limit: sweep {sweep[:8]}, {when}: {self.reason}; {self.missing} of {self.planned} runs were "
            f"missing then{cut}. Go on with: {self.command}"
        )


def note_key(sweep: str) -> str:
    """Returns where a sweep's note lies in the store."""
    return f"sweeps/{sweep}/limit.json"


def read_note(store: Results, sweep: str) -> LimitNote | None:
    """Returns a sweep's note; None where it has reached no limit, or has gone on to its end."""
    data = store.get(note_key(sweep))
    if data is None:
        return None
    try:
        return LimitNote.model_validate(json.loads(data))
    except (ValueError, ValidationError):
        return None


def limit_sentences(store: Results, sweeps: Sequence[str]) -> tuple[str, ...]:
    """Returns a sentence for each of these sweeps that has stopped at a limit."""
    notes = ((sweep, read_note(store, sweep)) for sweep in sweeps)
    return tuple(note.sentence(sweep) for sweep, note in notes if note is not None)


def sweeps_on(store: Results, fingerprint: str, protocol: str) -> tuple[str, ...]:
    """Returns the sweeps of PriorsNet that have stopped at a limit on a data set."""
    found = []
    for sweep in store.sweeps():
        if store.get(note_key(sweep)) is None:
            continue
        plan = store.plan(sweep) or {}
        card = plan.get("facts", {}).get("card", {})
        if "kind" not in plan and (card.get("fingerprint"), card.get("protocol")) == (fingerprint, protocol):
            found.append(sweep)
    return tuple(found)
