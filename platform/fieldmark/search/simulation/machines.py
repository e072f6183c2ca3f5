"""What a simulated cluster is made of, and how often a trial on it saves its state."""

from dataclasses import dataclass
from math import ceil

from fieldmark.search.checkpoints import SECONDS_BETWEEN


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What the cluster is made of, and how it fails."""

    nodes: int
    slots: int = 1
    """Trials at a time on a node."""
    failures: float = 0.0
    """Of a node, an hour."""
    back_after: float = 120.0
    """Seconds until a failed node is back."""
    noticed_after: float = 20.0
    """Seconds until the driver hears of a lost trial."""
    dispatch: float = 0.0
    """Seconds of the driver's that handing a trial over takes beside what is measured."""
    seed: int = 0


def checkpoint_seconds(seconds: float, epochs: int) -> float:
    """Returns how often a run saves its state: at the first end of an epoch after so many seconds as the real ones."""
    epoch = seconds / max(1, epochs)
    return ceil(SECONDS_BETWEEN / epoch) * epoch
