"""One thing to mend in a cluster."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from fieldmark.search.cluster.seen import NodeSeen

SHOWN = 4
"""Items of a list that a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to mend."""

    severity: Literal["error", "warning"]
    check: str
    node: str
    """Name and address of the node, or "cluster"."""
    what: str
    mend: str
    """One sentence, with the command."""

    def to_json(self) -> dict[str, Any]:
        """Returns the fields."""
        return asdict(self)


def label(node: NodeSeen) -> str:
    """Returns what to call a node."""
    return node.address if node.name == node.address else f"{node.name} ({node.address})"
